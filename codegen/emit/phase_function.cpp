// See phase_function.h.
#include "codegen/emit/phase_function.h"

using namespace mlir;

namespace cellwright {

LLVM::LLVMStructType bufferStruct(MLIRContext *context) {
  return LLVM::LLVMStructType::getLiteral(
      context, {LLVM::LLVMPointerType::get(context), IntegerType::get(context, 64)});
}

LLVM::LLVMStructType callStruct(MLIRContext *context) {
  Type i64 = IntegerType::get(context, 64);
  Type i32 = IntegerType::get(context, 32);
  return LLVM::LLVMStructType::getLiteral(
      context, {i64, i64, i64, i64, LLVM::LLVMPointerType::get(context), i64, i32});
}

PhaseFunction::PhaseFunction(const EmissionContext &context, llvm::StringRef name, Location loc)
    : FunctionBuilder(context, name,
                      {LLVM::LLVMPointerType::get(loc.getContext()),
                       LLVM::LLVMPointerType::get(loc.getContext())},
                      /*isInternal=*/false, loc) {
  auto field = [&](int i) { return loadInteger(argument(1), callStruct(b.getContext()), i); };
  rowBegin = field(0);
  rowEnd = field(1);
  tileBegin = field(2);
  tileEnd = field(3);
  entryEnd = tileEnd.getDefiningOp();
}

Value PhaseFunction::atEntry(const std::function<Value()> &make) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfter(entryEnd);
  Value value = make();
  entryEnd = value.getDefiningOp();
  return value;
}

Value PhaseFunction::bufferField(int buffer, int field) {
  Value &value = fields[{buffer, field}];
  if (!value)
    value = atEntry([&] {
      Type table = LLVM::LLVMArrayType::get(bufferStruct(b.getContext()), 0);
      Value address = LLVM::GEPOp::create(b, loc, pointerType(), table, argument(0),
                                          ArrayRef<LLVM::GEPArg>{0, buffer, field});
      Type type = field == 0 ? pointerType() : Type(b.getI64Type());
      return Value(LLVM::LoadOp::create(b, loc, type, address));
    });
  return value;
}

Value PhaseFunction::pointer(int buffer) { return bufferField(buffer, 0); }
Value PhaseFunction::panelStride(int buffer) { return bufferField(buffer, 1); }
Value PhaseFunction::sequences() {
  return atEntry([&] { return loadInteger(argument(1), callStruct(b.getContext()), 4); });
}
Value PhaseFunction::step() {
  return atEntry([&] { return loadInteger(argument(1), callStruct(b.getContext()), 6); });
}

Value PhaseFunction::isOddStep() {
  Value number = step();
  return atEntry([&] { return Value(arith::TruncIOp::create(b, loc, b.getI1Type(), number)); });
}

// mixSeed of dsl/random.h.
Value PhaseFunction::mixedSeed(uint32_t site) {
  return atEntry([&] {
    auto constant = [&](uint64_t number) { return index(static_cast<int64_t>(number)); };
    auto foldShifted = [&](Value z, int64_t shift) -> Value {
      return arith::XOrIOp::create(b, loc, z, arith::ShRUIOp::create(b, loc, z, index(shift)));
    };
    Value seed = loadInteger(argument(1), callStruct(b.getContext()), 5);
    Value z = add(seed, constant(0x9E3779B97F4A7C15u * (uint64_t{site} + 1)));
    z = mul(foldShifted(z, 30), constant(0xBF58476D1CE4E5B9u));
    z = mul(foldShifted(z, 27), constant(0x94D049BB133111EBu));
    Value high = arith::ShRUIOp::create(b, loc, foldShifted(z, 31), index(32));
    return Value(arith::TruncIOp::create(b, loc, b.getI32Type(), high));
  });
}

} // namespace cellwright
