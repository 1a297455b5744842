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
  int64_t offset = 0;
  int64_t size = tensorType(vector).getNumber(0);
  auto window = vector.getDefiningOp<cell::WindowOp>();
  while (window && plan.isReadThrough(window)) {
    vector = window.getVector();
    offset += window.getOffset();
    if (offset < 0 || offset + size > tensorType(vector).getNumber(0))
      return "";
    window = vector.getDefiningOp<cell::WindowOp>();
  }
  std::string base = baseOf(vector);
  return base.empty() || offset == 0 ? base : fmt::format("{} + {}", base, offset);
}

CExpression CStep::read(Value value, const Element &at) {
  Operation *op = value.getDefiningOp();
  return plan.isReadThrough(op) ? readThrough(op, at) : readDirectly(value, at);
}

CExpression CStep::readDirectly(Value value, const Element &at) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<cell::ConstantOp>(op))
    return number(constant.getNumber().convertToDouble());
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

/// A loop and no recursion: a cell may take thousands of slices of slices.
CExpression CStep::readThrough(Operation *op, Element at) {
  std::string condition; // under which the value is not zero
  Value value;
  do {
    value = op->getOperand(0);
    if (isa<cell::BroadcastOp>(op))
      at = {};
    else if (isa<cell::TransposeOp>(op))
      std::swap(at.row, at.column);
    else if (!moveInto(cast<cell::WindowOp>(op), at.row, condition))
      return number(0);
    op = value.getDefiningOp();
  } while (plan.isReadThrough(op));
  CExpression within = readDirectly(value, at);
  if (condition.empty())
    return within;
  return {fmt::format("{} ? {} : {}", condition, within.at(CTightness::Sum), number(0).text),
          CTightness::Conditional};
}

bool CStep::moveInto(cell::WindowOp window, Place &place, std::string &condition) {
  place.offset += window.getOffset();
  int64_t size = tensorType(window.getVector()).getNumber(0);
  int64_t first = std::max<int64_t>(place.low, -place.offset);
  int64_t last = std::min<int64_t>(place.high, size - 1 - place.offset);
  auto demand = [&](const char *comparison, int64_t bound) {
    condition += fmt::format("{}{} {} {}", condition.empty() ? "" : " && ", place.variable,
                             comparison, bound);
  };
  if (first > place.low)
    demand(">=", first);
  if (last < place.high)
    demand("<=", last);
  place.low = first;
  place.high = last;
  return first <= last;
}

} // namespace cellwright
