// See import.h.
#include "codegen/import.h"

#include "codegen/expression.h"

using namespace mlir;

namespace cellwright {

namespace {

llvm::StringRef toStringRef(std::string_view text) { return {text.data(), text.size()}; }

class Importer {
public:
  Importer(const Cell &source, const Sources *sources, ArrayRef<std::string> indexInputs,
           ModuleOp module)
      : source(source), sources(sources), indexInputs(indexInputs),
        b(OpBuilder::atBlockEnd(module.getBody())) {}

  cell::CellOp import() {
    Location unknown = UnknownLoc::get(b.getContext());
    auto result = cell::CellOp::create(b, unknown, toStringRef(source.name));
    b.setInsertionPointToStart(&result.getBody().front());
    // Inputs and states are the cell's interface, read or not; operations stand only for those that
    // are.
    for (const Input &input : source.inputs)
      inputs.push_back(cell::InputOp::create(
          b, location(input.loc), type(input.shape), toStringRef(input.name), input.perSequence,
          llvm::is_contained(indexInputs, toStringRef(input.name))));
    for (const State &state : source.states)
      states.push_back(cell::StateOp::create(b, location(state.loc), type(state.shape),
                                             toStringRef(state.name)));
    for (const Op &op : source.ops)
      values.push_back(importOp(op));
    for (const State &state : source.states)
      cell::NextOp::create(b, location(state.loc), toStringRef(state.name), values[state.next]);
    if (source.output != kNoValue)
      cell::OutputOp::create(b, location(source.ops[source.output].loc), values[source.output]);
    return result;
  }

private:
  Location location(Loc loc) {
    if (!sources || !loc.isKnown())
      return UnknownLoc::get(b.getContext());
    LineColumn place = sources->place(loc);
    return FileLineColLoc::get(b.getContext(), toStringRef(sources->files[loc.file].name),
                               place.line, place.column);
  }

  Attribute size(SizeId id) {
    Rational number = source.sizes.numberOf(id);
    if (number.isValid && number.denominator == 1)
      return b.getI64IntegerAttr(number.numerator);
    return b.getStringAttr(toStringRef(source.sizes.text(id)));
  }

  cell::TensorType type(const Shape &shape) {
    SmallVector<Attribute> sizes;
    if (shape.rank > 0)
      sizes.push_back(size(shape.rows));
    if (shape.rank > 1)
      sizes.push_back(size(shape.columns));
    return cell::TensorType::get(b.getContext(), sizes);
  }

  Value importOp(const Op &op) {
    Location loc = location(op.loc);
    SmallVector<Value> operands;
    for (int i = 0; i < op.operandCount; ++i)
      operands.push_back(values[source.operand(op, i)]);
    Value value = make(op, loc, operands);
    if (!op.name.empty() && op.kind != OpKind::Input && op.kind != OpKind::State)
      label(op, value, operands);
    return value;
  }

  /// Names a value for people, and what an activation function is applied to after it: the net
  /// input of a unit, as the literature calls it.
  void label(const Op &op, Value value, ValueRange operands) {
    llvm::StringRef name = toStringRef(op.name);
    value.getDefiningOp()->setAttr("label", b.getStringAttr(name));
    bool isActivation =
        op.kind == OpKind::Call && kFunctions[op.function].kind == FunctionClass::Elementwise;
    if (!isActivation || operands.size() != 1)
      return;
    Operation *definition = operands[0].getDefiningOp();
    if (isa<cell::MapOp, cell::MatMulOp>(definition) && !definition->hasAttr("label"))
      definition->setAttr("label", b.getStringAttr("net_" + name));
  }

  Value make(const Op &op, Location loc, ValueRange operands) {
    switch (op.kind) {
    case OpKind::Input:
      return inputs[op.index];
    case OpKind::State:
      return states[op.index];
    case OpKind::Param: {
      const Param &param = source.params[op.index];
      return cell::ParamOp::create(b, loc, type(op.shape), toStringRef(param.name), param.frozen);
    }
    case OpKind::Number:
      return cell::ConstantOp::create(b, loc, op.number);
    case OpKind::SizeOf:
      return cell::SizeOp::create(b, loc, type(op.shape), size(op.begin));
    case OpKind::Call:
      return makeCall(op, loc, operands);
    case OpKind::MatMul:
      return cell::MatMulOp::create(b, loc, type(op.shape), operands[0], operands[1]);
    case OpKind::Transpose:
      return cell::TransposeOp::create(b, loc, type(op.shape), operands[0]);
    case OpKind::Concat:
      return cell::ConcatOp::create(b, loc, type(op.shape), operands);
    case OpKind::Slice:
      return cell::SliceOp::create(b, loc, type(op.shape), operands[0], size(op.begin),
                                   size(op.end));
    }
    llvm_unreachable("a checked cell has no other operations");
  }

  Value makeCall(const Op &op, Location loc, ValueRange operands) {
    const Function &function = kFunctions[op.function];
    if (function.kind == FunctionClass::Random)
      return cell::RandomOp::create(b, loc, type(op.shape), toStringRef(function.name), op.index,
                                    op.perSequence, operands);
    if (function.kind == FunctionClass::Operator || function.kind == FunctionClass::Elementwise)
      return cell::MapOp::create(b, loc, toStringRef(function.name), operands);
    return cell::OverOp::create(b, loc, type(op.shape), toStringRef(function.name), operands);
  }

  const Cell &source;
  const Sources *sources;
  ArrayRef<std::string> indexInputs;
  OpBuilder b;
  SmallVector<Value> inputs, states;
  SmallVector<Value> values; // by ValueId
};

} // namespace

cell::CellOp importCell(const Cell &source, const Sources *sources,
                        ArrayRef<std::string> indexInputs, ModuleOp module) {
  return Importer(source, sources, indexInputs, module).import();
}

} // namespace cellwright
