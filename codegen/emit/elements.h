// Element-wise code: the primitives of the function table on one float type, a scalar or a vector
// of the target's width. Accuracy is what the function table states and
// tests/codegen/functions_test.cpp measures. What one gets wrong: no operation here may be
// reassociated; the error bounds rest on the order in which the terms are added.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace cellwright {

class ElementBuilder {
public:
  /// `type` is f32, f64 or a vector of one of them. Without `hasFma` a multiply-add is rounded
  /// twice.
  ElementBuilder(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, bool hasFma);

  /// Emits a function of the table that has no expansion. `pow` takes its exponent as a number.
  mlir::Value emit(llvm::StringRef function, mlir::ValueRange operands);
  mlir::Value emitPower(mlir::Value x, double exponent);
  /// True if `emit` knows the function.
  static bool isPrimitive(llvm::StringRef function);

  mlir::Value constant(double number);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  /// a * b + c.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  /// a > b ? yes : no; NaN takes `no`.
  mlir::Value whereGreater(mlir::Value a, mlir::Value b, mlir::Value yes, mlir::Value no);
  /// Numbers in [0, 1) from the counters, elements of an integer type of 32 bits: see dsl/random.h.
  mlir::Value uniform(mlir::Value a, mlir::Value b, mlir::Value c, mlir::Value d);
  /// An integer constant of 32 bits in the shape of the type.
  mlir::Value constant32(uint32_t number);
  mlir::Type type32() const { return integerType(32); }

private:
  struct Primitive;
  static const Primitive kPrimitives[];

  /// n ln(2) + r with |r| <= ln(2) / 2. `rough` is r to a unit in the last place of what was
  /// reduced, and there earlier; `bits` holds n in its low bits.
  struct Reduced {
    mlir::Value r, rough, bits;
  };

  mlir::Value neg(mlir::Value x);
  mlir::Value absolute(mlir::Value x);
  mlir::Value squareRoot(mlir::Value x);
  mlir::Value copySign(mlir::Value magnitude, mlir::Value sign);
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value maximum(mlir::Value a, mlir::Value b);
  mlir::Value clampKeepingNan(mlir::Value x, double low, double high);
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);
  mlir::Value toBits(mlir::Value x);
  mlir::Value fromBits(mlir::Value bits);
  mlir::Value bitsConstant(uint64_t bits);
  mlir::Value polynomial(llvm::ArrayRef<double> coefficients, mlir::Value x);

  /// Reduces factor * x.
  Reduced reduceByLn2(mlir::Value x, double factor = 1);
  mlir::Value powerOfTwo(mlir::Value bits);
  mlir::Value expm1Reduced(const Reduced &reduced);
  mlir::Value exponential(mlir::Value x);
  mlir::Value expm1(mlir::Value x);
  mlir::Value logarithm(mlir::Value x);
  mlir::Value log1p(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x);
  mlir::Value hyperbolicTangent(mlir::Value x);
  mlir::Value errorFunction(mlir::Value x);
  mlir::Value sine(mlir::Value x, int quadrants);
  mlir::Value sineNearZero(mlir::Value x, int quadrants);
  template <typename LibmOp>
  mlir::Value replaceFarLanes(mlir::Value x, double limit, mlir::Value near);
  mlir::Value integerPower(mlir::Value x, int n);
  mlir::Value powerInDouble(mlir::Value x, double exponent);
  mlir::Value withoutSigns(mlir::Value x, double exponent);

  mlir::Type elementType() const;
  mlir::Type integerType(unsigned width) const;
  mlir::Type widened() const; // the same shape in f64
  bool isDouble() const { return elementType().isF64(); }
  llvm::ArrayRef<double> pick(llvm::ArrayRef<double> single, llvm::ArrayRef<double> twice) const {
    return isDouble() ? twice : single;
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type;
  bool hasFma;
};

} // namespace cellwright
