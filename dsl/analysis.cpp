// Walks over the operations of a cell.
#include "dsl/analysis.h"

#include <algorithm>
#include <vector>

namespace cellwright {

int countDependentProducts(const Cell &cell) {
  constexpr int kNoState = -1; // does not depend on a state
  std::vector<int> chains(cell.ops.size(), kNoState);
  for (size_t i = 0; i < cell.ops.size(); ++i) {
    const Op &op = cell.ops[i];
    int longest = op.kind == OpKind::State ? 0 : kNoState;
    for (int k = 0; k < op.operandCount; ++k)
      longest = std::max(longest, chains[cell.operand(op, k)]);
    bool isLink = op.kind == OpKind::MatMul && longest != kNoState;
    chains[i] = longest + isLink;
  }
  int longest = 0;
  for (const State &state : cell.states)
    longest = std::max(longest, chains[state.next]);
  return longest;
}

int64_t countParameters(const Cell &cell, const Bound &bound) {
  int64_t count = 0;
  for (const Param &param : cell.params)
    count += bound.elements(param.shape);
  return count;
}

namespace {

std::string_view kindText(OpKind kind) {
  constexpr std::string_view kTexts[] = {"input", "state",  "param",     "number", "size",
                                         "call",  "matmul", "transpose", "concat", "slice"};
  return kTexts[static_cast<size_t>(kind)];
}

Text opText(const Cell &cell, const Op &op) {
  Text text = kindText(op.kind);
  if (op.kind == OpKind::Input || op.kind == OpKind::State || op.kind == OpKind::Param)
    text += makeText(" ", op.index);
  if (op.kind == OpKind::Number)
    text += makeText(" ", op.number);
  if (op.kind == OpKind::SizeOf)
    text += makeText(" ", cell.sizes.text(op.begin));
  if (op.kind == OpKind::Slice)
    text += makeText(" ", cell.sizes.text(op.begin), ":", cell.sizes.text(op.end));
  if (op.kind == OpKind::Call) {
    text += makeText(" ", kFunctions[op.function].name);
    if (kFunctions[op.function].kind == FunctionClass::Random)
      text += makeText(" site ", op.index, op.perSequence ? " per sequence" : "");
  }
  for (int i = 0; i < op.operandCount; ++i)
    text += makeText(" %", cell.operand(op, i));
  text += makeText(" : ", shapeText(cell, op.shape));
  return text;
}

} // namespace

Text canonicalText(const Cell &cell) {
  Text text;
  for (const Input &input : cell.inputs)
    text += makeText("input ", input.name, shapeText(cell, input.shape),
                     input.perSequence ? " per sequence" : "", "\n");
  for (const State &state : cell.states)
    text +=
        makeText("state ", state.name, shapeText(cell, state.shape), " next %", state.next, "\n");
  for (const Param &param : cell.params)
    text += makeText("param ", param.name, shapeText(cell, param.shape),
                     param.frozen ? " frozen" : "", "\n");
  for (size_t i = 0; i < cell.ops.size(); ++i)
    text += makeText("%", i, " = ", opText(cell, cell.ops[i]), "\n");
  text += makeText("output %", cell.output, "\n");
  return text;
}

} // namespace cellwright
