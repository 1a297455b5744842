// See place_emitter.h.
#include "codegen/emit/place_emitter.h"

#include "codegen/costs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

namespace cellwright {

PlaceEmitter::PlaceEmitter(ModuleEmitter &module, cell::PhaseOp phase, PhaseFunction &f)
    : module(module), phase(phase), f(f), columns(phase.getColumns()), width(f.context.width()),
      panels(f.context.panels(columns)) {
  yield = cast<cell::YieldOp>(phase.getBody().front().getTerminator());
  for (Operation &op : phase.getBody().front().without_terminator())
    operations.push_back(&op);
}

/// Where a panel of a buffer begins.
Value PlaceEmitter::panelPointer(int buffer, const Place &place) {
  Value &pointer = panelPointers[{place.rowLoop, buffer}];
  if (pointer && place.rowLoop)
    return pointer;
  Value base = f.pointer(buffer), stride = f.panelStride(buffer);
  OpBuilder::InsertionGuard guard(f.b);
  if (place.rowLoop)
    f.b.setInsertionPoint(place.rowLoop);
  return pointer = f.at(base, f.mul(place.panel, stride));
}

// The same row of the next panel is asked for on the way: panels lie far apart, and no processor
// sees the next one coming.
Value PlaceEmitter::address(int buffer, const Place &place, bool isScalarValue, Access access) {
  if (isScalarValue)
    return f.at(f.pointer(buffer), place.row);
  Value pointer = f.at(panelPointer(buffer, place), f.mul(place.row, width));
  if (place.rowLoop)
    f.prefetch(f.at(pointer, f.panelStride(buffer)), access == Access::Write);
  return pointer;
}

Value PlaceEmitter::read(Value value, const Place &place, Scope &scope) {
  if (auto it = scope.find(value); it != scope.end())
    return it->second;
  Value emitted;
  if (auto constant = value.getDefiningOp<cell::ConstantOp>()) {
    emitted = f.scalars().constant(constant.getNumber().convertToDouble());
  } else if (isIndex(value)) {
    emitted = oneHot(value, place);
  } else if (module.hasRows(value)) {
    Value pointer = address(module.rowBuffer(value), place, isScalar(value), Access::Read);
    emitted = isScalar(value) ? f.loadScalar(pointer) : f.loadVector(pointer);
  } else {
    emitted = readParam(value, place);
  }
  return scope[value] = emitted;
}

/// A value of the update's rate: the same in every row.
Value PlaceEmitter::readParam(Value value, const Place &place) {
  Value &known = params[{place.rowLoop, value}];
  if (known && place.rowLoop)
    return known;
  Value pointer = f.pointer(module.paddedBuffer(value));
  OpBuilder::InsertionGuard guard(f.b);
  if (place.rowLoop)
    f.b.setInsertionPoint(place.rowLoop);
  if (isScalar(value))
    return known = f.loadScalar(pointer);
  return known = f.loadVector(f.at(pointer, f.mul(place.panel, width)));
}

Value PlaceEmitter::loadIndex(Value input, Value row) {
  Value pointer =
      LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), f.b.getI32Type(),
                          f.pointer(module.rowBuffer(input)), ArrayRef<LLVM::GEPArg>{row});
  Value number = LLVM::LoadOp::create(f.b, f.loc, f.b.getI32Type(), pointer);
  return arith::ExtSIOp::create(f.b, f.loc, f.b.getI64Type(), number);
}

Value PlaceEmitter::oneHot(Value input, const Place &place) {
  Value numbers = lanes(f.mul(place.panel, width));
  Value index =
      vector::BroadcastOp::create(f.b, f.loc, numbers.getType(), loadIndex(input, place.row));
  Value isOne = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::eq, numbers, index);
  return arith::SelectOp::create(f.b, f.loc, isOne, f.vectors().constant(1),
                                 f.vectors().constant(0));
}

Value PlaceEmitter::readVector(Value value, const Place &place, Scope &scope) {
  if (auto constant = value.getDefiningOp<cell::ConstantOp>())
    return f.vectors().constant(constant.getNumber().convertToDouble());
  Value emitted = read(value, place, scope);
  return isScalar(value) ? f.splat(emitted) : emitted;
}

Value PlaceEmitter::emitMap(cell::MapOp map, const Place &place, Scope &scope) {
  bool scalar = isScalar(map);
  ElementBuilder elements = scalar ? f.scalars() : f.vectors();
  auto readOperand = [&](Value operand) {
    return scalar ? read(operand, place, scope) : readVector(operand, place, scope);
  };
  if (map.getFunction() == "pow") {
    auto exponent = map.getOperand(1).getDefiningOp<cell::ConstantOp>();
    return elements.emitPower(readOperand(map.getOperand(0)),
                              exponent.getNumber().convertToDouble());
  }
  SmallVector<Value> operands;
  for (Value operand : map.getOperands())
    operands.push_back(readOperand(operand));
  return elements.emit(map.getFunction(), operands);
}

Value PlaceEmitter::lanes(Value first) {
  SmallVector<int64_t> numbers(width);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto type = VectorType::get({width}, f.b.getI64Type());
  Value iota = arith::ConstantOp::create(f.b, f.loc,
                                         DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
  return arith::AddIOp::create(f.b, f.loc, vector::BroadcastOp::create(f.b, f.loc, type, first),
                               iota);
}

// Two neighbouring panels of the source, shifted together; what lies outside of the source is zero.
// The panels that are loaded always exist: an index outside is moved inside and its lanes are
// masked.
Value PlaceEmitter::emitWindow(cell::WindowOp window, const Place &place) {
  int64_t sourceColumns = tensorType(window.getVector()).getNumber(0);
  int64_t lastPanel = f.context.panels(sourceColumns) - 1;
  int64_t offset = window.getOffset();
  int64_t shift = ((offset % width) + width) % width;
  int64_t panelOffset = (offset - shift) / width;
  auto loadPanel = [&](int64_t delta) {
    Value panel = f.add(place.panel, panelOffset + delta);
    panel = arith::MaxSIOp::create(f.b, f.loc, f.min(panel, f.index(lastPanel)), f.index(0));
    Scope fresh;
    return readVector(window.getVector(), {place.row, panel}, fresh);
  };
  Value value = loadPanel(0);
  if (shift != 0) {
    SmallVector<int64_t> mask(width);
    std::iota(mask.begin(), mask.end(), shift);
    value = vector::ShuffleOp::create(f.b, f.loc, value, loadPanel(1), mask);
  }
  Value source = lanes(f.add(f.mul(place.panel, width), offset));
  auto type = cast<VectorType>(source.getType());
  Value limit = arith::ConstantOp::create(f.b, f.loc, DenseElementsAttr::get(type, sourceColumns));
  // Unsigned: what is below zero is far above the limit.
  Value inside = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::ult, source, limit);
  return arith::SelectOp::create(f.b, f.loc, inside, value, f.vectors().constant(0));
}

// The counters of drawUniform in dsl/random.h: seed and site, sequence, step, element.
Value PlaceEmitter::emitUniform(cell::RandomOp random, const Place &place) {
  ElementBuilder elements = isScalar(random) ? f.scalars() : f.vectors();
  auto everywhere = [&](Value scalar) -> Value {
    return isScalar(random)
               ? scalar
               : Value(vector::BroadcastOp::create(f.b, f.loc, elements.type32(), scalar));
  };
  Type i32 = f.b.getI32Type();
  auto constant32 = [&](uint32_t number) -> Value {
    return arith::ConstantOp::create(f.b, f.loc,
                                     f.b.getI32IntegerAttr(static_cast<int32_t>(number)));
  };
  Value seed = f.mixedSeed(random.getSite());
  Value sequencePointer = LLVM::GEPOp::create(f.b, f.loc, f.pointerType(), i32, f.sequences(),
                                              ArrayRef<LLVM::GEPArg>{place.row});
  Value sequence = LLVM::LoadOp::create(f.b, f.loc, i32, sequencePointer);
  Value step = random.getPerSequence() ? constant32(0xffffffffu) : f.step();
  Value element;
  if (isScalar(random))
    element = constant32(0);
  else
    element =
        arith::TruncIOp::create(f.b, f.loc, elements.type32(), lanes(f.mul(place.panel, width)));
  return elements.uniform(everywhere(seed), everywhere(sequence), everywhere(step), element);
}

Value PlaceEmitter::emitOverSteps(cell::OverStepsOp sum, const Place &place, Scope &scope) {
  for (auto [i, operand] : llvm::enumerate(yield.getOperands())) {
    if (operand != sum.getResult())
      continue;
    bool scalar = isScalar(sum);
    Value pointer = address(module.rowBuffer(phase.getResult(i)), place, scalar, Access::Write);
    Value before = scalar ? f.loadScalar(pointer) : f.loadVector(pointer);
    return (scalar ? f.scalars() : f.vectors()).add(before, read(sum.getOperand(), place, scope));
  }
  llvm_unreachable("a sum over steps is a result of its phase");
}

void PlaceEmitter::emitOperation(Operation *op, const Place &place, Scope &scope) {
  scope[op->getResult(0)] =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](cell::MapOp map) { return emitMap(map, place, scope); })
          .Case([&](cell::WindowOp window) { return emitWindow(window, place); })
          .Case([&](cell::BroadcastOp broadcast) {
            return readVector(broadcast.getScalar(), place, scope);
          })
          .Case([&](cell::RandomOp random) { return emitUniform(random, place); })
          .Case([&](cell::OverStepsOp sum) { return emitOverSteps(sum, place, scope); })
          .Default(
              [](Operation *) -> Value { llvm_unreachable("a phase holds no other operation"); });
}

void PlaceEmitter::emitYields(const Place &place, Scope &scope, bool scalars) {
  for (auto [operand, result] : llvm::zip_equal(yield.getOperands(), phase.getResults())) {
    if (isScalar(result) != scalars)
      continue;
    Value value = scalars ? read(operand, place, scope) : readVector(operand, place, scope);
    f.store(value, address(module.rowBuffer(result), place, scalars, Access::Write));
  }
}

} // namespace cellwright
