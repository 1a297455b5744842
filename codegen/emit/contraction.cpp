// See contraction.h. Both tiles read few vectors and broadcast many scalars per multiply-add: 4
// rows x 6 vectors are 24 multiply-adds for 10 loads, which leaves the two load ports half idle.
#include "codegen/emit/contraction.h"

#include "fmt/format.h"

using namespace mlir;

namespace cellwright {

namespace {
// Steps of the contracted index in one turn of the inner loop: enough to hide the loop's own
// overhead (measured: 1 step 165, 2 steps 209, 4 steps 185 GF/s for 6 x 4 vectors on Zen 5).
constexpr int kUnroll = 2;

using Accumulators = SmallVector<Value>;

/// One step: accumulators[r][v] += scalar(r) * vector(v).
template <typename Scalar, typename Vector>
Accumulators multiplyAdd(FunctionBuilder &f, ValueRange accumulators, int rows, int vectors,
                         const Scalar &scalar, const Vector &vector) {
  ElementBuilder e = f.vectors();
  SmallVector<Value> loaded;
  for (int v = 0; v < vectors; ++v)
    loaded.push_back(vector(v));
  Accumulators result;
  for (int r = 0; r < rows; ++r) {
    Value broadcast = f.splat(scalar(r));
    for (int v = 0; v < vectors; ++v)
      result.push_back(e.fma(broadcast, loaded[v], accumulators[r * vectors + v]));
  }
  return result;
}
} // namespace

std::string Contractions::product(int rows, int vectors, Location loc) {
  std::string name = fmt::format("product_{}x{}", rows, vectors);
  if (!emitted.insert(name).second)
    return name;
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  Type i1 = IntegerType::get(loc.getContext(), 1);
  FunctionBuilder f(context, name, {pointer, i64, i64, pointer, pointer, i64, i1},
                    /*isInternal=*/true, loc);
  Value operand = f.argument(0), panelStride = f.argument(1), columns = f.argument(2);
  Value weights = f.argument(3), tile = f.argument(4), pitch = f.argument(5), keep = f.argument(6);
  int width = context.width();

  auto tileAt = [&](int r, int v) { return f.at(f.at(tile, f.mul(pitch, r)), v * width); };
  Accumulators initial;
  Value zero = f.vectors().constant(0);
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      initial.push_back(arith::SelectOp::create(f.b, loc, keep, f.loadVector(tileAt(r, v)), zero));

  // Contracts columns begin to end - 1 of one panel.
  auto contractPanel = [&](Value panel, Value end, int unroll, ValueRange accumulators) {
    Value operandPanel = f.at(operand, f.mul(panel, panelStride));
    Value weightsPanel = f.at(weights, f.mul(panel, int64_t{width} * vectors * width));
    return f.loopCarrying(f.index(0), end, unroll, accumulators, [&](Value k, ValueRange carried) {
      Value row = f.at(operandPanel, k);
      Value vectorsOfK = f.at(weightsPanel, f.mul(k, int64_t{vectors} * width));
      Accumulators next(carried);
      for (int u = 0; u < unroll; ++u)
        next = multiplyAdd(
            f, next, rows, vectors, [&](int r) { return f.loadScalar(f.at(row, r * width + u)); },
            [&](int v) { return f.loadVector(f.at(vectorsOfK, (u * vectors + v) * width)); });
      return next;
    });
  };
  Value fullPanels = f.divide(columns, width);
  Accumulators sums =
      f.loopCarrying(f.index(0), fullPanels, 1, initial, [&](Value panel, ValueRange carried) {
        return contractPanel(panel, f.index(width), kUnroll, carried);
      });
  sums = contractPanel(fullPanels, f.sub(columns, f.mul(fullPanels, width)), 1, sums);
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      f.store(sums[r * vectors + v], tileAt(r, v));
  f.finish();
  return name;
}

std::string Contractions::outer(int rows, int vectors, Location loc) {
  std::string name = fmt::format("outer_{}x{}", rows, vectors);
  if (!emitted.insert(name).second)
    return name;
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  FunctionBuilder f(context, name, {pointer, pointer, i64, i64, pointer, i64}, /*isInternal=*/true,
                    loc);
  Value left = f.argument(0), right = f.argument(1), rightPanelStride = f.argument(2);
  Value count = f.argument(3), sum = f.argument(4), pitch = f.argument(5);
  int width = context.width();

  auto sumAt = [&](int m, int v) { return f.at(f.at(sum, f.mul(pitch, m)), v * width); };
  SmallVector<Value> rightPanels;
  for (int v = 0; v < vectors; ++v)
    rightPanels.push_back(f.at(right, f.mul(rightPanelStride, v)));
  Accumulators initial;
  for (int m = 0; m < rows; ++m)
    for (int v = 0; v < vectors; ++v)
      initial.push_back(f.loadVector(sumAt(m, v)));

  auto contractRows = [&](Value begin, Value end, int unroll, ValueRange accumulators) {
    return f.loopCarrying(begin, end, unroll, accumulators, [&](Value i, ValueRange carried) {
      Value offset = f.mul(i, width);
      Value leftRow = f.at(left, offset);
      SmallVector<Value> rightRows;
      for (Value panel : rightPanels)
        rightRows.push_back(f.at(panel, offset));
      Accumulators next(carried);
      for (int u = 0; u < unroll; ++u)
        next = multiplyAdd(
            f, next, rows, vectors,
            [&](int m) { return f.loadScalar(f.at(leftRow, u * width + m)); },
            [&](int v) { return f.loadVector(f.at(rightRows[v], u * width)); });
      return next;
    });
  };
  Value unrolledEnd = f.mul(f.divide(count, kUnroll), kUnroll);
  Accumulators sums = contractRows(f.index(0), unrolledEnd, kUnroll, initial);
  sums = contractRows(unrolledEnd, count, 1, sums);
  for (int m = 0; m < rows; ++m)
    for (int v = 0; v < vectors; ++v)
      f.store(sums[m * vectors + v], sumAt(m, v));
  f.finish();
  return name;
}

} // namespace cellwright
