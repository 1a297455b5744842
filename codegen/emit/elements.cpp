// The primitives of the function table in arith and math operations. Reductions and constants
// follow Muller et al. 2018, "Handbook of Floating-Point Arithmetic", and Tang 1989 (exp);
// polynomials are in polynomials.h.
#include "codegen/emit/elements.h"

#include "codegen/emit/polynomials.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/APFloat.h"

#include <bit>
#include <cmath>
#include <numbers>

using namespace mlir;

namespace cellwright {

namespace {
// 1.5 * 2^(mantissa bits): adding it rounds a number to an integer, which its low bits then hold.
constexpr double kRounderFloat = 12582912.0;
constexpr double kRounderDouble = 6755399441055744.0;
} // namespace

struct ElementBuilder::Primitive {
  llvm::StringRef name;
  Value (*emit)(ElementBuilder &, ValueRange);
};

const ElementBuilder::Primitive ElementBuilder::kPrimitives[] = {
    {"add", [](ElementBuilder &e, ValueRange v) { return e.add(v[0], v[1]); }},
    {"sub", [](ElementBuilder &e, ValueRange v) { return e.sub(v[0], v[1]); }},
    {"mul", [](ElementBuilder &e, ValueRange v) { return e.mul(v[0], v[1]); }},
    {"div", [](ElementBuilder &e, ValueRange v) { return e.div(v[0], v[1]); }},
    {"neg", [](ElementBuilder &e, ValueRange v) { return e.neg(v[0]); }},
    {"sigmoid", [](ElementBuilder &e, ValueRange v) { return e.sigmoid(v[0]); }},
    {"tanh", [](ElementBuilder &e, ValueRange v) { return e.hyperbolicTangent(v[0]); }},
    {"exp", [](ElementBuilder &e, ValueRange v) { return e.exponential(v[0]); }},
    {"expm1", [](ElementBuilder &e, ValueRange v) { return e.expm1(v[0]); }},
    {"log", [](ElementBuilder &e, ValueRange v) { return e.logarithm(v[0]); }},
    {"log1p", [](ElementBuilder &e, ValueRange v) { return e.log1p(v[0]); }},
    {"sqrt", [](ElementBuilder &e, ValueRange v) { return e.squareRoot(v[0]); }},
    {"abs", [](ElementBuilder &e, ValueRange v) { return e.absolute(v[0]); }},
    {"erf", [](ElementBuilder &e, ValueRange v) { return e.errorFunction(v[0]); }},
    {"sin", [](ElementBuilder &e, ValueRange v) { return e.sine(v[0], 0); }},
    {"cos", [](ElementBuilder &e, ValueRange v) { return e.sine(v[0], 1); }},
    {"min", [](ElementBuilder &e, ValueRange v) { return e.minimum(v[0], v[1]); }},
    {"max", [](ElementBuilder &e, ValueRange v) { return e.maximum(v[0], v[1]); }},
    {"where", [](ElementBuilder &e,
                 ValueRange v) { return e.whereGreater(v[0], e.constant(0), v[1], v[2]); }},
};

ElementBuilder::ElementBuilder(OpBuilder &builder, Location loc, Type type, bool hasFma)
    : b(builder), loc(loc), type(type), hasFma(hasFma) {}

bool ElementBuilder::isPrimitive(llvm::StringRef function) {
  return function == "pow" ||
         llvm::any_of(kPrimitives, [&](const Primitive &p) { return p.name == function; });
}

Value ElementBuilder::emit(llvm::StringRef function, ValueRange operands) {
  for (const Primitive &primitive : kPrimitives)
    if (primitive.name == function)
      return primitive.emit(*this, operands);
  llvm_unreachable("a function without expansion is a primitive");
}

//===-- Arithmetic ----------------------------------------------------------------------------===//

Type ElementBuilder::elementType() const { return getElementTypeOrSelf(type); }

Type ElementBuilder::integerType(unsigned width) const {
  Type integer = b.getIntegerType(width);
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(VectorType::get(vector.getShape(), integer)) : integer;
}

Type ElementBuilder::widened() const {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(VectorType::get(vector.getShape(), b.getF64Type())) : Type(b.getF64Type());
}

static Value splat(OpBuilder &b, Location loc, Type type, Attribute element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, element));
  return arith::ConstantOp::create(b, loc, cast<TypedAttr>(element));
}

Value ElementBuilder::constant(double number) {
  return splat(b, loc, type, b.getFloatAttr(elementType(), number));
}

Value ElementBuilder::constant32(uint32_t number) {
  return splat(b, loc, type32(), b.getI32IntegerAttr(static_cast<int32_t>(number)));
}

Value ElementBuilder::bitsConstant(uint64_t bits) {
  Type integer = b.getIntegerType(isDouble() ? 64 : 32);
  return splat(b, loc, integerType(isDouble() ? 64 : 32),
               b.getIntegerAttr(integer, static_cast<int64_t>(bits)));
}

Value ElementBuilder::add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
Value ElementBuilder::sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
Value ElementBuilder::mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
Value ElementBuilder::div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
Value ElementBuilder::neg(Value x) { return arith::NegFOp::create(b, loc, x); }
Value ElementBuilder::absolute(Value x) { return math::AbsFOp::create(b, loc, x); }
Value ElementBuilder::squareRoot(Value x) { return math::SqrtOp::create(b, loc, x); }

Value ElementBuilder::fma(Value x, Value y, Value z) {
  return hasFma ? Value(math::FmaOp::create(b, loc, x, y, z)) : add(mul(x, y), z);
}

Value ElementBuilder::compare(arith::CmpFPredicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, predicate, x, y);
}

Value ElementBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, loc, condition, yes, no);
}

Value ElementBuilder::whereGreater(Value x, Value y, Value yes, Value no) {
  return select(compare(arith::CmpFPredicate::OGT, x, y), yes, no);
}

// NaN if either operand is: the second select catches a NaN in `x`, the first lets one in `y`
// through.
Value ElementBuilder::minimum(Value x, Value y) {
  Value smaller = select(compare(arith::CmpFPredicate::OLT, x, y), x, y);
  return select(compare(arith::CmpFPredicate::UNO, x, x), x, smaller);
}

Value ElementBuilder::maximum(Value x, Value y) {
  Value larger = select(compare(arith::CmpFPredicate::OGT, x, y), x, y);
  return select(compare(arith::CmpFPredicate::UNO, x, x), x, larger);
}

// `low < x ? x : low` would lose a NaN; this order of operands is one min and one max instruction
// and keeps it.
Value ElementBuilder::clampKeepingNan(Value x, double low, double high) {
  Value top = constant(high);
  Value bottom = constant(low);
  Value capped = select(compare(arith::CmpFPredicate::OLT, top, x), top, x);
  return select(compare(arith::CmpFPredicate::OGT, bottom, capped), bottom, capped);
}

Value ElementBuilder::toBits(Value x) {
  return arith::BitcastOp::create(b, loc, integerType(isDouble() ? 64 : 32), x);
}

Value ElementBuilder::fromBits(Value bits) { return arith::BitcastOp::create(b, loc, type, bits); }

Value ElementBuilder::copySign(Value magnitude, Value sign) {
  return math::CopySignOp::create(b, loc, magnitude, sign);
}

// Estrin's scheme: pairs, pairs of pairs, ... wait for log2 of the degree multiply-adds and not for
// all of them.
Value ElementBuilder::polynomial(llvm::ArrayRef<double> coefficients, Value x) {
  std::vector<Value> terms;
  for (double coefficient : coefficients)
    terms.push_back(constant(coefficient));
  Value power = x;
  while (terms.size() > 1) {
    std::vector<Value> halved;
    for (size_t i = 0; i + 1 < terms.size(); i += 2)
      halved.push_back(fma(terms[i + 1], power, terms[i]));
    if (terms.size() % 2 == 1)
      halved.push_back(terms.back());
    terms = std::move(halved);
    if (terms.size() > 1)
      power = mul(power, power);
  }
  return terms[0];
}

//===-- Exponentials --------------------------------------------------------------------------===//

ElementBuilder::Reduced ElementBuilder::reduceByLn2(Value x, double factor) {
  // ln(2) in two parts. A fused multiply-add has no need of trailing zeros in the first, and with
  // all of its bits what the second adds is too little to matter but in the linear term.
  double high = isDouble() ? std::numbers::ln2 : double{std::numbers::ln2_v<float>};
  double low = isDouble() ? 0x1.abc9e3b39803fp-56 : std::numbers::ln2 - high;
  if (!hasFma) {
    high = isDouble() ? 0x1.62e42fefap-1 : 0x1.62ep-1;
    low = isDouble() ? 0x1.cf79abc9e3b39p-40 : 0x1.0bfbe8p-15;
  }
  Value scaled = factor == 1 ? x : factor == -1 ? neg(x) : mul(x, constant(factor));
  Value rounder = constant(isDouble() ? kRounderDouble : kRounderFloat);
  Value shifted = fma(x, constant(factor * std::numbers::log2e), rounder);
  Value n = sub(shifted, rounder);
  Value rough = fma(n, constant(-high), scaled);
  Value r = fma(n, constant(-low), rough);
  return {r, hasFma ? rough : r, toBits(shifted)};
}

/// 2^n for -bias < n <= bias from bits that hold n: the rounder's own bits fall out of the shift.
Value ElementBuilder::powerOfTwo(Value bits) {
  int mantissa = isDouble() ? 52 : 23;
  uint64_t bias = isDouble() ? 1023 : 127;
  Value biased = arith::AddIOp::create(b, loc, bits, bitsConstant(bias));
  return fromBits(arith::ShLIOp::create(b, loc, biased, bitsConstant(mantissa)));
}

/// e^r - 1 for |r| <= ln(2) / 2.
Value ElementBuilder::expm1Reduced(const Reduced &reduced) {
  Value r = reduced.r;
  return fma(mul(r, r), polynomial(pick(kExpm1Float, kExpm1Double), reduced.rough), r);
}

Value ElementBuilder::exponential(Value x) {
  // Beyond these the result is infinity or zero; 2^n is split in two so that neither half
  // overflows.
  Value clamped = isDouble() ? clampKeepingNan(x, -746, 710) : clampKeepingNan(x, -104, 89);
  Reduced reduced = reduceByLn2(clamped);
  Value half = arith::ShRSIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, reduced.bits, bitsConstant(16)), bitsConstant(17));
  Value rest = arith::SubIOp::create(b, loc, reduced.bits, half);
  Value p = add(expm1Reduced(reduced), constant(1));
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(rest));
}

Value ElementBuilder::expm1(Value x) {
  // Computed at half the size and doubled: 2^n itself overflows for the largest results.
  Value clamped = isDouble() ? clampKeepingNan(x, -40, 710) : clampKeepingNan(x, -20, 89);
  Reduced reduced = reduceByLn2(clamped);
  Value halfScale = powerOfTwo(arith::SubIOp::create(b, loc, reduced.bits, bitsConstant(1)));
  Value halfResult = fma(halfScale, expm1Reduced(reduced), sub(halfScale, constant(0.5)));
  return add(halfResult, halfResult);
}

// 1 / (1 + e^-x): e^-x may round to zero or infinity at the ends, the quotient is then 1 or 0.
Value ElementBuilder::sigmoid(Value x) {
  Value clamped = isDouble() ? clampKeepingNan(x, -710, 708) : clampKeepingNan(x, -89, 87);
  Reduced reduced = reduceByLn2(clamped, -1);
  Value power = add(expm1Reduced(reduced), constant(1));
  return div(constant(1), fma(power, powerOfTwo(reduced.bits), constant(1)));
}

// tanh(x) = m / (m + 2) with m = e^2x - 1, which keeps the relative error at both ends.
Value ElementBuilder::hyperbolicTangent(Value x) {
  Value clamped = isDouble() ? clampKeepingNan(x, -20, 20) : clampKeepingNan(x, -10, 10);
  Reduced reduced = reduceByLn2(clamped, 2);
  Value scale = powerOfTwo(reduced.bits);
  Value m = fma(scale, expm1Reduced(reduced), sub(scale, constant(1)));
  return div(m, add(m, constant(2)));
}

//===-- Logarithms ----------------------------------------------------------------------------===//

// x = 2^k m with m in [sqrt(1/2), sqrt(2)); ln(m) = f - f^2/2 + s (f^2/2 + R(s^2)), f = m - 1,
// s = f / (2 + f).
Value ElementBuilder::logarithm(Value x) {
  int mantissa = isDouble() ? 52 : 23;
  double smallestNormal = isDouble() ? 0x1p-1022 : 0x1p-126;
  // Subnormal numbers are scaled up first.
  Value isSmall = compare(arith::CmpFPredicate::OLT, x, constant(smallestNormal));
  Value scaled = select(isSmall, mul(x, constant(std::ldexp(1.0, mantissa + 1))), x);
  uint64_t rootHalf = isDouble() ? std::bit_cast<uint64_t>(std::numbers::sqrt2 / 2)
                                 : std::bit_cast<uint32_t>(std::numbers::sqrt2_v<float> / 2);
  Value shifted = arith::SubIOp::create(b, loc, toBits(scaled), bitsConstant(rootHalf));
  Value exponent = arith::ShRSIOp::create(b, loc, shifted, bitsConstant(mantissa));
  Value mantissaMask = bitsConstant((uint64_t{1} << mantissa) - 1);
  Value m = fromBits(arith::AddIOp::create(
      b, loc, arith::AndIOp::create(b, loc, shifted, mantissaMask), bitsConstant(rootHalf)));
  Value k = arith::SIToFPOp::create(b, loc, type, exponent);
  k = sub(k, select(isSmall, constant(mantissa + 1), constant(0)));

  Value f = sub(m, constant(1));
  Value s = div(f, add(f, constant(2)));
  Value z = mul(s, s);
  Value halfSquare = mul(mul(f, f), constant(0.5));
  Value tail = mul(z, polynomial(pick(kLogFloat, kLogDouble), z));
  double high = isDouble() ? 0x1.62e42fefap-1 : 0x1.62ep-1;
  double low = isDouble() ? 0x1.cf79abc9e3b39p-40 : 0x1.0bfbe8p-15;
  Value correction = fma(s, add(halfSquare, tail), mul(k, constant(low)));
  Value result = fma(k, constant(high), sub(f, sub(halfSquare, correction)));

  double infinity = std::numeric_limits<double>::infinity();
  result = select(compare(arith::CmpFPredicate::OEQ, x, constant(infinity)), x, result);
  result = select(compare(arith::CmpFPredicate::OEQ, x, constant(0)), constant(-infinity), result);
  Value isInvalid = compare(arith::CmpFPredicate::ULT, x, constant(0)); // negative or NaN
  return select(isInvalid, constant(std::numeric_limits<double>::quiet_NaN()), result);
}

// u = 1 + x rounds; (x - (u - 1)) / u is what the rounding lost.
Value ElementBuilder::log1p(Value x) {
  Value u = add(x, constant(1));
  Value lost = sub(x, sub(u, constant(1)));
  Value correction = div(lost, u);
  Value isFinite = compare(arith::CmpFPredicate::OLT, absolute(correction), constant(1));
  return add(logarithm(u), select(isFinite, correction, constant(0)));
}

//===-- Others --------------------------------------------------------------------------------===//

Value ElementBuilder::errorFunction(Value x) {
  Value magnitude = absolute(x);
  Value z = mul(x, x);
  Value nearZero = fma(x, polynomial(pick(kErfSmallFloat, kErfSmallDouble), z), x);
  Value capped = clampKeepingNan(magnitude, 0, isDouble() ? 6 : 4);
  Value exponent = polynomial(pick(kErfLargeFloat, kErfLargeDouble), capped);
  Value far = copySign(sub(constant(1), exponential(neg(exponent))), x);
  return whereGreater(magnitude, constant(1), far, nearZero);
}

/// The scalar function of libm for the lanes beyond `limit` in magnitude; `near` holds the others.
/// Such lanes are rare: one branch passes them by.
template <typename LibmOp>
Value ElementBuilder::replaceFarLanes(Value x, double limit, Value near) {
  Value isFar = compare(arith::CmpFPredicate::OGT, absolute(x), constant(limit));
  auto vector = dyn_cast<VectorType>(type);
  Value isAnyFar = isFar;
  if (vector)
    isAnyFar = vector::ReductionOp::create(b, loc, vector::CombiningKind::OR, isFar);
  auto branch = scf::IfOp::create(b, loc, type, isAnyFar, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, near);
  b.setInsertionPointToStart(branch.thenBlock());
  Value far = x;
  if (!vector)
    far = LibmOp::create(b, loc, x);
  for (int64_t lane = 0; vector && lane < vector.getNumElements(); ++lane) {
    Value element = vector::ExtractOp::create(b, loc, x, lane);
    far = vector::InsertOp::create(b, loc, LibmOp::create(b, loc, element), far, lane);
  }
  scf::YieldOp::create(b, loc, select(isFar, far, near));
  return branch.getResult(0);
}

// Reduced with three parts of pi / 2; the reduction is exact enough up to 2^20. The largest
// arguments go to libm.
Value ElementBuilder::sine(Value x, int quadrants) {
  constexpr double kLimit = 0x1p20;
  Value near = sineNearZero(x, quadrants);
  return quadrants == 0 ? replaceFarLanes<math::SinOp>(x, kLimit, near)
                        : replaceFarLanes<math::CosOp>(x, kLimit, near);
}

// sin(x + quadrants pi / 2). x = n pi / 2 + r; the parts of pi / 2 have 33 bits in f64, so that n
// times them is exact. f32 is reduced in f64.
Value ElementBuilder::sineNearZero(Value x, int quadrants) {
  ElementBuilder w(b, loc, widened(), hasFma);
  Value wideX = isDouble() ? x : Value(arith::ExtFOp::create(b, loc, w.type, x));
  Value rounder = w.constant(kRounderDouble);
  Value shifted = w.add(w.mul(wideX, w.constant(2 / std::numbers::pi)), rounder);
  Value n = w.sub(shifted, rounder);
  Value r = wideX;
  for (double part : {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69})
    r = w.fma(n, w.constant(-part), r);
  Value bits = w.toBits(shifted);
  if (!isDouble()) {
    r = arith::TruncFOp::create(b, loc, type, r);
    bits = arith::TruncIOp::create(b, loc, integerType(32), bits);
  }
  Value quadrant = arith::AddIOp::create(b, loc, bits, bitsConstant(quadrants));
  Value z = mul(r, r);
  Value sinR = fma(mul(r, z), polynomial(pick(kSinFloat, kSinDouble), z), r);
  Value cosR = fma(mul(z, z), polynomial(pick(kCosFloat, kCosDouble), z),
                   fma(z, constant(-0.5), constant(1)));
  auto bitIsSet = [&](uint64_t bit) {
    Value masked = arith::AndIOp::create(b, loc, quadrant, bitsConstant(bit));
    return Value(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, masked, bitsConstant(0)));
  };
  Value magnitude = select(bitIsSet(1), cosR, sinR);
  return select(bitIsSet(2), neg(magnitude), magnitude);
}

//===-- Powers --------------------------------------------------------------------------------===//

/// |x|^n by squaring, n >= 1.
Value ElementBuilder::integerPower(Value x, int n) {
  Value result;
  for (Value square = x; n != 0; n >>= 1) {
    if (n & 1)
      result = result ? mul(result, square) : square;
    if (n > 1)
      square = mul(square, square);
  }
  return result;
}

/// x^p in f64, for x in f32: its errors are nothing there.
Value ElementBuilder::powerInDouble(Value x, double exponent) {
  constexpr double kMostMultiplications = 1024; // above, the logarithm is faster
  ElementBuilder w(b, loc, widened(), hasFma);
  Value wide = arith::ExtFOp::create(b, loc, w.type, x);
  double magnitude = std::abs(exponent);
  bool isInteger = magnitude == std::floor(magnitude);
  Value result;
  if (isInteger && magnitude <= kMostMultiplications) {
    result = w.integerPower(wide, static_cast<int>(magnitude));
    if (exponent < 0)
      result = w.div(w.constant(1), result);
  } else {
    Value base = isInteger ? w.absolute(wide) : wide;
    result = w.exponential(w.mul(w.constant(exponent), w.logarithm(base)));
    if (isInteger && std::fmod(magnitude, 2) == 1)
      result = w.copySign(result, wide);
  }
  return arith::TruncFOp::create(b, loc, type, result);
}

// Small integers and halves by multiplications and a root, whose roundings stay within the stated
// error: 3.5 units for x^8. The logarithm's error would be multiplied by the exponent, so the rest
// goes through f64 in f32 and to libm in f64.
Value ElementBuilder::emitPower(Value x, double exponent) {
  constexpr double kMostMultiplications = 8;
  double magnitude = std::abs(exponent);
  auto whole = static_cast<int>(std::min(magnitude, kMostMultiplications));
  double rest = magnitude - whole;
  if (rest != 0 && (rest != 0.5 || magnitude > kMostMultiplications))
    return isDouble() ? Value(math::PowFOp::create(b, loc, x, constant(exponent)))
                      : powerInDouble(withoutSigns(x, exponent), exponent);
  Value result = whole == 0 ? constant(1) : integerPower(x, whole);
  if (rest != 0) {
    Value root = squareRoot(withoutSigns(x, exponent));
    result = whole == 0 ? root : mul(absolute(result), root);
  }
  return exponent < 0 ? div(constant(1), result) : result;
}

/// For an exponent that is no integer: zero and infinity without their signs, whose powers do not
/// depend on them (C17, F.10.4.4).
Value ElementBuilder::withoutSigns(Value x, double exponent) {
  if (exponent == std::floor(exponent))
    return x;
  double infinity = std::numeric_limits<double>::infinity();
  Value isNegativeInfinity = compare(arith::CmpFPredicate::OEQ, x, constant(-infinity));
  return add(select(isNegativeInfinity, constant(infinity), x), constant(0));
}

//===-- Random numbers ------------------------------------------------------------------------===//

// pcg4d of Jarzynski & Olano 2020, "Hash Functions for GPU Rendering"; dsl/random.h is the same.
Value ElementBuilder::uniform(Value x, Value y, Value z, Value w) {
  auto mulAdd = [&](Value p, Value q, Value r) -> Value {
    return arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, p, q), r);
  };
  auto mix = [&] {
    x = mulAdd(y, w, x);
    y = mulAdd(z, x, y);
    z = mulAdd(x, y, z);
    w = mulAdd(y, z, w);
  };
  for (Value *word : {&x, &y, &z, &w})
    *word = mulAdd(*word, constant32(1664525u), constant32(1013904223u));
  mix();
  for (Value *word : {&x, &y, &z, &w})
    *word =
        arith::XOrIOp::create(b, loc, *word, arith::ShRUIOp::create(b, loc, *word, constant32(16)));
  mix();
  Value top = arith::ShRUIOp::create(b, loc, x, constant32(8));
  return mul(arith::UIToFPOp::create(b, loc, type, top), constant(0x1p-24));
}

} // namespace cellwright
