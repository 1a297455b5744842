// See paths.h.
#include "search/paths.h"

#include "dsl/op_maker.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace cellwright {

namespace {

/// What a value depends on, now and through states of the past.
struct Origins {
  std::vector<bool> inputs, states;
};

} // namespace

/// By value: whether it is zero whatever its operands are: zero times something, which is what a
/// canonical form makes of `v - v` for its shape, and products and sums of that.
static std::vector<bool> findZeros(const Cell &cell) {
  std::vector<bool> isZero(cell.ops.size());
  for (size_t value = 0; value < cell.ops.size(); ++value) {
    const Op &op = cell.ops[value];
    if (op.kind == OpKind::Number)
      isZero[value] = op.number == 0;
    else if (op.kind == OpKind::Call && op.function == functions::kMultiply)
      isZero[value] = isZero[cell.operand(op, 0)] || isZero[cell.operand(op, 1)];
    else if (op.kind == OpKind::Call && op.function == functions::kAdd)
      isZero[value] = isZero[cell.operand(op, 0)] && isZero[cell.operand(op, 1)];
  }
  return isZero;
}

/// Everything that a value depends on.
static Origins originsOf(const Cell &cell, const std::vector<bool> &isZero, ValueId start) {
  Origins origins{std::vector<bool>(cell.inputs.size()), std::vector<bool>(cell.states.size())};
  std::vector<bool> isSeen(cell.ops.size());
  std::vector<ValueId> open = {start};
  while (!open.empty()) {
    ValueId value = open.back();
    open.pop_back();
    if (isSeen[value] || isZero[value])
      continue;
    isSeen[value] = true;
    const Op &op = cell.ops[value];
    if (op.kind == OpKind::Input)
      origins.inputs[op.index] = true;
    if (op.kind == OpKind::State) {
      origins.states[op.index] = true;
      open.push_back(cell.states[op.index].next);
    }
    for (int i = 0; i < op.operandCount; ++i)
      open.push_back(cell.operand(op, i));
  }
  return origins;
}

std::optional<std::string> findMissingPath(const Cell &cell) {
  std::vector<bool> isZero = findZeros(cell);
  Origins ofOutput = originsOf(cell, isZero, cell.output);
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (!ofOutput.inputs[i])
      return fmt::format("the output never depends on the input `{}`",
                         std::string_view(cell.inputs[i].name));
  for (size_t i = 0; i < cell.states.size(); ++i)
    if (ofOutput.states[i] && originsOf(cell, isZero, cell.states[i].next).states[i])
      return std::nullopt;
  return "no state that the output depends on depends on its own past";
}

} // namespace cellwright
