// See function_builder.h.
#include "codegen/emit/function_builder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace cellwright {

FunctionBuilder::FunctionBuilder(const EmissionContext &context, llvm::StringRef name,
                                 ArrayRef<Type> arguments, bool isInternal, Location loc)
    : context(context), b(ModuleOp(context.module).getContext()), loc(loc) {
  b.setInsertionPointToEnd(ModuleOp(context.module).getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments);
  function = LLVM::LLVMFuncOp::create(
      b, loc, name, type, isInternal ? LLVM::Linkage::Internal : LLVM::Linkage::External);
  if (isInternal)
    function.setPassthroughAttr(b.getArrayAttr({b.getStringAttr("noinline")}));
  entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
}

void FunctionBuilder::finish() { LLVM::ReturnOp::create(b, loc, ValueRange()); }

//===-- Integers ------------------------------------------------------------------------------===//

Value FunctionBuilder::index(int64_t number) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(number));
}
Value FunctionBuilder::add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
Value FunctionBuilder::add(Value x, int64_t y) { return add(x, index(y)); }
Value FunctionBuilder::sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
Value FunctionBuilder::mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
Value FunctionBuilder::mul(Value x, int64_t y) { return mul(x, index(y)); }
Value FunctionBuilder::min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
Value FunctionBuilder::max(Value x, Value y) { return arith::MaxSIOp::create(b, loc, x, y); }
Value FunctionBuilder::divide(Value x, int64_t y) {
  return b.createOrFold<arith::DivUIOp>(loc, x, index(y));
}
Value FunctionBuilder::divide(Value x, Value y) {
  return b.createOrFold<arith::DivUIOp>(loc, x, y);
}
Value FunctionBuilder::divideUp(Value x, int64_t y) { return divide(add(x, y - 1), y); }
Value FunctionBuilder::divideUp(Value x, Value y) { return divide(sub(add(x, y), index(1)), y); }
Value FunctionBuilder::isLess(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}
Value FunctionBuilder::isEqual(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
}

//===-- Control -------------------------------------------------------------------------------===//

void FunctionBuilder::loop(Value begin, Value end, int64_t step, const Body &body) {
  loop(begin, end, index(step), body);
}

void FunctionBuilder::loop(Value begin, Value end, Value step, const Body &body) {
  loopCarrying(begin, end, step, {}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value> FunctionBuilder::loopCarrying(Value begin, Value end, Value step,
                                                 ValueRange initial, const CarryBody &body) {
  auto forOp = scf::ForOp::create(b, loc, begin, end, step, initial);
  OpBuilder::InsertionGuard guard(b);
  // A loop without carried values comes with its terminator, one with them does not.
  if (initial.empty())
    b.setInsertionPoint(forOp.getBody()->getTerminator());
  else
    b.setInsertionPointToStart(forOp.getBody());
  SmallVector<Value> yielded = body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  if (!initial.empty())
    scf::YieldOp::create(b, loc, yielded);
  return SmallVector<Value>(forOp.getResults());
}

Value FunctionBuilder::isNotNull(Value pointer) {
  Value number = LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), pointer);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, number, index(0));
}

Value FunctionBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, loc, condition, yes, no);
}

void FunctionBuilder::when(Value condition, const std::function<void()> &body) {
  auto ifOp = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  body();
}

SmallVector<Value> FunctionBuilder::choose(Value condition,
                                           const std::function<SmallVector<Value>()> &yes,
                                           const std::function<SmallVector<Value>()> &no) {
  OpBuilder::InsertionGuard guard(b);
  auto emitBranch = [&](const std::function<SmallVector<Value>()> &make) {
    return [&](OpBuilder &, Location) {
      SmallVector<Value> values = make();
      scf::YieldOp::create(b, loc, values);
    };
  };
  auto ifOp = scf::IfOp::create(b, loc, condition, emitBranch(yes), emitBranch(no));
  return SmallVector<Value>(ifOp.getResults());
}

//===-- Memory --------------------------------------------------------------------------------===//

Type FunctionBuilder::elementType() const {
  return context.isDouble ? Type(Float64Type::get(b.getContext()))
                          : Type(Float32Type::get(b.getContext()));
}
Type FunctionBuilder::vectorType() const {
  return VectorType::get({context.width()}, elementType());
}
Type FunctionBuilder::pointerType() const { return LLVM::LLVMPointerType::get(b.getContext()); }

Value FunctionBuilder::at(Value pointer, Value offset) {
  return LLVM::GEPOp::create(b, loc, pointerType(), elementType(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}

Value FunctionBuilder::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return LLVM::GEPOp::create(b, loc, pointerType(), elementType(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
}

Value FunctionBuilder::loadVector(Value pointer) {
  return LLVM::LoadOp::create(b, loc, vectorType(), pointer, context.target.vectorBytes);
}

Value FunctionBuilder::loadUnaligned(Value pointer) {
  return LLVM::LoadOp::create(b, loc, vectorType(), pointer, context.isDouble ? 8 : 4);
}

Value FunctionBuilder::loadScalar(Value pointer) {
  return LLVM::LoadOp::create(b, loc, elementType(), pointer);
}

void FunctionBuilder::store(Value value, Value pointer) {
  unsigned alignment = isa<VectorType>(value.getType()) ? context.target.vectorBytes : 0;
  LLVM::StoreOp::create(b, loc, value, pointer, alignment);
}

Value FunctionBuilder::loadInteger(Value structure, Type structureType, int field) {
  Value pointer = LLVM::GEPOp::create(b, loc, pointerType(), structureType, structure,
                                      ArrayRef<LLVM::GEPArg>{0, field});
  Type type = cast<LLVM::LLVMStructType>(structureType).getBody()[field];
  return LLVM::LoadOp::create(b, loc, type, pointer);
}

Value FunctionBuilder::scratch(int64_t elements) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(entry);
  return LLVM::AllocaOp::create(b, loc, pointerType(), elementType(), index(elements),
                                context.target.vectorBytes);
}

void FunctionBuilder::call(llvm::StringRef callee, ValueRange operands) {
  LLVM::CallOp::create(b, loc, TypeRange(), callee, operands);
}

void FunctionBuilder::prefetch(Value pointer, bool isWrite) {
  constexpr unsigned kSecondCache = 2, kData = 1;
  LLVM::Prefetch::create(b, loc, pointer, isWrite ? 1 : 0, kSecondCache, kData);
}

Value FunctionBuilder::splat(Value scalar) {
  return vector::BroadcastOp::create(b, loc, vectorType(), scalar);
}

} // namespace cellwright
