// How the functions of a step read values: where they stand, and through windows, transposed
// matrices and scalars that are spread over a vector.
#include "codegen/aot/c_step.h"

#include "fmt/format.h"

#include <algorithm>

using namespace mlir;

namespace cellwright {

/// The spelling of a named thing of the cell.
template <typename Named>
static const std::string &spellingOf(const std::vector<Named> &list,
                                     const std::vector<std::string> &spellings,
                                     llvm::StringRef name) {
  for (size_t i = 0; i < list.size(); ++i)
    if (std::string_view(list[i].name) == std::string_view(name))
      return spellings[i];
  llvm_unreachable("operations have names of the cell");
}

const std::string &CStep::stateName(llvm::StringRef name) const {
  return spellingOf(cell.states, names.cell.states, name);
}

const std::string &CStep::paramName(llvm::StringRef name) const {
  return spellingOf(cell.params, names.cell.params, name);
}

std::string CStep::Place::text() const {
  if (offset == 0)
    return variable;
  return fmt::format("{} {} {}", variable, offset < 0 ? '-' : '+', std::abs(offset));
}

size_t CStep::inputIndex(llvm::StringRef name) const {
  for (size_t i = 0; i < cell.inputs.size(); ++i)
    if (std::string_view(cell.inputs[i].name) == std::string_view(name))
      return i;
  llvm_unreachable("operations have names of the cell");
}

std::string CStep::indexed(const std::string &base, cell::TensorType type, const Element &at) {
  std::string text = base;
  if (type.getRank() > 0)
    text += "[" + at.row.text() + "]";
  if (type.getRank() > 1)
    text += "[" + at.column.text() + "]";
  return text;
}

std::string CStep::baseOf(Value value) const {
  Operation *op = value.getDefiningOp();
  auto ofStates = [&](const char *base, llvm::StringRef name) { return base + stateName(name); };
  if (auto input = dyn_cast<cell::InputOp>(op))
    return input.getIndex() ? "" : arguments[inputIndex(input.getName())];
  if (auto state = dyn_cast<cell::StateOp>(op))
    return ofStates("before->", state.getName());
  if (auto param = dyn_cast<cell::ParamOp>(op))
    return "params->" + paramName(param.getName());
  if (auto next = dyn_cast<cell::AdjointNextOp>(op))
    return ofStates("dafter->", next.getName());
  if (isa<cell::AdjointOutputOp>(op))
    return "dout";
  if (auto saved = dyn_cast<cell::SavedOp>(op)) {
    Value kept = saved.getOperand();
    if (plan.structOf(kept) == CStruct::After)
      return ofStates("tape->after.", plan.nextOf(kept).getName());
    return "tape->" + variables.lookup(kept.getDefiningOp());
  }
  auto kind = plan.structOf(value);
  if (!kind)
    return "";
  if (kind == CStruct::After)
    return ofStates("after->", plan.nextOf(value).getName());
  if (kind == CStruct::ParamGradients)
    return "dparams->" + paramName(plan.gradientOf(value).getName());
  return fmt::format("{}->{}", variableOf(*kind), variables.lookup(op));
}

std::string CStep::pointerTo(Value vector) const {
  auto window = vector.getDefiningOp<cell::WindowOp>();
  if (!window || !plan.isReadThrough(window))
    return baseOf(vector);
  std::string base = pointerTo(window.getVector());
  int64_t offset = window.getOffset();
  int64_t end = offset + tensorType(vector).getNumber(0);
  bool isWithin = offset >= 0 && end <= tensorType(window.getVector()).getNumber(0);
  return isWithin && !base.empty() ? fmt::format("{} + {}", base, offset) : "";
}

CExpression CStep::read(Value value, const Element &at) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<cell::ConstantOp>(op))
    return number(constant.getNumber().convertToDouble());
  if (plan.isReadThrough(op))
    return readThrough(op, at);
  if (auto input = dyn_cast<cell::InputOp>(op))
    return readInput(input, at);
  // What this loop has made, or, for a scalar, this function.
  if (auto known = expressions.find(value); known != expressions.end())
    return known->second;
  return {indexed(baseOf(value), tensorType(value), at)};
}

CExpression CStep::readInput(cell::InputOp input, const Element &at) const {
  const std::string &argument = arguments[inputIndex(input.getName())];
  if (!input.getIndex())
    return {indexed(argument, tensorType(input.getValue()), at)};
  return {fmt::format("({})({} == {})", element, at.row.text(), argument), CTightness::Unary};
}

CExpression CStep::readThrough(Operation *op, const Element &at) {
  if (auto broadcast = dyn_cast<cell::BroadcastOp>(op))
    return read(broadcast.getScalar(), {});
  if (auto transpose = dyn_cast<cell::TransposeOp>(op))
    return read(transpose.getMatrix(), {at.column, at.row});
  return readWindow(cast<cell::WindowOp>(op), at);
}

CExpression CStep::readWindow(cell::WindowOp window, const Element &at) {
  Place place = at.row;
  place.offset += window.getOffset();
  int64_t size = tensorType(window.getVector()).getNumber(0);
  int64_t first = std::max<int64_t>(place.low, -place.offset);
  int64_t last = std::min<int64_t>(place.high, size - 1 - place.offset);
  if (first > last)
    return number(0);
  std::string condition;
  if (first > place.low)
    condition = fmt::format("{} >= {}", place.variable, first);
  if (last < place.high)
    condition += fmt::format("{}{} <= {}", condition.empty() ? "" : " && ", place.variable, last);
  place.low = first;
  place.high = last;
  CExpression within = read(window.getVector(), {place, {}});
  if (condition.empty())
    return within;
  return {fmt::format("{} ? {} : {}", condition, within.at(CTightness::Sum), number(0).text),
          CTightness::Conditional};
}

} // namespace cellwright
