// See contraction.h. A tile reads few vectors and broadcasts a scalar per row: 6 rows x 4 vectors
// are 24 multiply-adds for 10 loads, which leaves the two load ports half idle. One step of the
// contracted index is one turn of the loop: longer turns are not faster (measured on Zen 5: 264
// GF/s with 1, 2 and 4 steps of 6 x 4) and are more code to compile.
#include "codegen/emit/contraction.h"

#include "fmt/format.h"

using namespace mlir;

namespace cellwright {

namespace {

constexpr int64_t kCacheLine = 64; // bytes

using Sums = SmallVector<Value>;

/// One step: sums[r][v] += scalar(r) * vector(v).
template <typename Scalar, typename Vector>
Sums multiplyAdd(FunctionBuilder &f, ValueRange sums, int rows, int vectors, const Scalar &scalar,
                 const Vector &vector) {
  ElementBuilder e = f.vectors();
  SmallVector<Value> loaded;
  for (int v = 0; v < vectors; ++v)
    loaded.push_back(vector(v));
  Sums result;
  for (int r = 0; r < rows; ++r) {
    Value broadcast = f.splat(scalar(r));
    for (int v = 0; v < vectors; ++v)
      result.push_back(e.fma(broadcast, loaded[v], sums[r * vectors + v]));
  }
  return result;
}

} // namespace

//===-- Products ------------------------------------------------------------------------------===//

/// `void(operand, panelStride, columns, weights, sums, pitch, keep, ahead, aheadStep)`: `products`
/// for a fixed number of rows; brings the line at `ahead` closer, moving `aheadStep` elements on
/// for each column of the operand.
std::string Contractions::productTile(int rows, int vectors, Location loc) {
  std::string name = fmt::format("product_{}x{}", rows, vectors);
  if (!isNew(name))
    return name;
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  Type i1 = IntegerType::get(loc.getContext(), 1);
  FunctionBuilder f(context, name, {pointer, i64, i64, pointer, pointer, i64, i1, pointer, i64},
                    /*isInternal=*/true, loc);
  Value operand = f.argument(0), panelStride = f.argument(1), columns = f.argument(2);
  Value weights = f.argument(3), tile = f.argument(4), pitch = f.argument(5), keep = f.argument(6);
  Value ahead = f.argument(7), aheadStep = f.argument(8);
  int width = context.width();

  auto tileAt = [&](int r, int v) { return f.at(f.at(tile, f.mul(pitch, r)), v * width); };
  auto forTile = [&](const std::function<Value(int, int)> &make) {
    Sums all;
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors; ++v)
        all.push_back(make(r, v));
    return all;
  };
  Value zero = f.vectors().constant(0);
  Sums sums = f.choose(
      keep, [&] { return forTile([&](int r, int v) { return f.loadVector(tileAt(r, v)); }); },
      [&] { return forTile([&](int, int) { return zero; }); });
  sums = f.loopCarrying(f.index(0), columns, width, sums, [&](Value first, ValueRange panelSums) {
    Value panel = f.divide(first, width);
    Value operandPanel = f.at(operand, f.mul(panel, panelStride));
    // Rows of the next tile: a panel of these is too short for a processor to see them coming.
    for (int r = 0; r < rows; ++r)
      f.prefetch(f.at(operandPanel, int64_t{rows + r} * width));
    Value weightsPanel = f.at(weights, f.mul(first, int64_t{vectors} * width));
    Value aheadPanel = f.at(ahead, f.mul(first, aheadStep));
    Value end = f.min(f.sub(columns, first), f.index(width));
    return f.loopCarrying(f.index(0), end, 1, panelSums, [&](Value k, ValueRange carried) {
      Value row = f.at(operandPanel, k);
      Value vectorsOfK = f.at(weightsPanel, f.mul(k, int64_t{vectors} * width));
      f.prefetch(f.at(aheadPanel, f.mul(k, aheadStep)));
      return multiplyAdd(
          f, carried, rows, vectors, [&](int r) { return f.loadScalar(f.at(row, r * width)); },
          [&](int v) { return f.loadVector(f.at(vectorsOfK, v * width)); });
    });
  });
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v)
      f.store(sums[r * vectors + v], tileAt(r, v));
  f.finish();
  return name;
}

// Rows are divided evenly: 32 rows in tiles of up to 6 are 2 x 6 and 4 x 5, not 5 x 6 and 1 x 2.
std::string Contractions::products(int vectors, Location loc) {
  std::string name = fmt::format("products_{}", vectors);
  if (!isNew(name))
    return name;
  int most = context.target.tileRows(vectors);
  SmallVector<std::string> tiles;
  for (int rows = 1; rows <= most; ++rows)
    tiles.push_back(productTile(rows, vectors, loc));
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  Type i1 = IntegerType::get(loc.getContext(), 1);
  FunctionBuilder f(context, name, {pointer, i64, i64, pointer, pointer, i64, i64, i1, pointer},
                    /*isInternal=*/true, loc);
  Value operand = f.argument(0), panelStride = f.argument(1), columns = f.argument(2);
  Value weights = f.argument(3), sums = f.argument(4), pitch = f.argument(5);
  Value rows = f.argument(6), keep = f.argument(7), ahead = f.argument(8);
  int width = context.width();

  Value count = f.divideUp(rows, most);
  Value least = f.divide(rows, count);
  Value larger = f.sub(rows, f.mul(least, count)); // tiles with one row more
  // The first tiles bring the weights ahead, a line per column each; the others a line that is
  // here.
  int64_t lineElements = kCacheLine / (context.isDouble ? 8 : 4);
  int64_t bringers =
      std::max<int64_t>(1, int64_t{vectors} * context.target.vectorBytes / kCacheLine);
  Value isAhead = f.isNotNull(ahead);
  f.loopCarrying(f.index(0), count, 1, f.index(0), [&](Value tile, ValueRange carried) {
    Value row = carried[0];
    Value one = arith::ExtUIOp::create(f.b, loc, i64, f.isLess(tile, larger));
    Value tileRows = f.add(least, one);
    Value brings = arith::AndIOp::create(f.b, loc, isAhead, f.isLess(tile, f.index(bringers)));
    Value from = f.select(brings, f.at(ahead, f.mul(f.mul(tile, columns), lineElements)), weights);
    Value step = f.select(brings, f.index(lineElements), f.index(0));
    for (int variant = most; variant >= 1; --variant)
      f.when(f.isEqual(tileRows, f.index(variant)), [&] {
        f.call(tiles[variant - 1], {f.at(operand, f.mul(row, width)), panelStride, columns, weights,
                                    f.at(sums, f.mul(row, pitch)), pitch, keep, from, step});
      });
    return SmallVector<Value>{f.add(row, tileRows)};
  });
  f.finish();
  return name;
}

//===-- Outer products ------------------------------------------------------------------------===//

/// `void(left, right, rightPanelStride, count, sum, pitch, ahead, aheadStep)`: `outer` for the
/// first `rows` columns of the left panel; brings the line at `ahead` closer, moving `aheadStep`
/// elements on for each row.
std::string Contractions::outerTile(int rows, int vectors, Location loc) {
  std::string name = fmt::format("outer_{}x{}", rows, vectors);
  if (!isNew(name))
    return name;
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  FunctionBuilder f(context, name, {pointer, pointer, i64, i64, pointer, i64, pointer, i64},
                    /*isInternal=*/true, loc);
  Value left = f.argument(0), right = f.argument(1), rightPanelStride = f.argument(2);
  Value count = f.argument(3), sum = f.argument(4), pitch = f.argument(5);
  Value ahead = f.argument(6), aheadStep = f.argument(7);
  int width = context.width();

  auto sumAt = [&](int m, int v) { return f.at(f.at(sum, f.mul(pitch, m)), v * width); };
  SmallVector<Value> rightPanels;
  for (int v = 0; v < vectors; ++v)
    rightPanels.push_back(f.at(right, f.mul(rightPanelStride, v)));
  Sums initial;
  for (int m = 0; m < rows; ++m)
    for (int v = 0; v < vectors; ++v)
      initial.push_back(f.loadVector(sumAt(m, v)));
  Sums sums = f.loopCarrying(f.index(0), count, 1, initial, [&](Value i, ValueRange carried) {
    Value offset = f.mul(i, width);
    Value leftRow = f.at(left, offset);
    f.prefetch(f.at(ahead, f.mul(i, aheadStep)));
    return multiplyAdd(
        f, carried, rows, vectors, [&](int m) { return f.loadScalar(f.at(leftRow, m)); },
        [&](int v) { return f.loadVector(f.at(rightPanels[v], offset)); });
  });
  for (int m = 0; m < rows; ++m)
    for (int v = 0; v < vectors; ++v)
      f.store(sums[m * vectors + v], sumAt(m, v));
  f.finish();
  return name;
}

std::string Contractions::outer(int vectors, Location loc) {
  std::string name = fmt::format("outer_{}", vectors);
  if (!isNew(name))
    return name;
  // The columns of a panel in equal parts: 16 are 6 + 5 + 5.
  int width = context.width();
  int parts = (width + context.target.tileRows(vectors) - 1) / context.target.tileRows(vectors);
  SmallVector<std::pair<int, std::string>> tiles; // first column, function
  for (int part = 0; part < parts; ++part) {
    int begin = width * part / parts;
    tiles.push_back({begin, outerTile(width * (part + 1) / parts - begin, vectors, loc)});
  }
  Type pointer = LLVM::LLVMPointerType::get(loc.getContext());
  Type i64 = IntegerType::get(loc.getContext(), 64);
  FunctionBuilder f(context, name, {pointer, pointer, i64, i64, pointer, i64, pointer},
                    /*isInternal=*/true, loc);
  // The sums to the right, likely the next ones, are asked for while these are done.
  Value next = f.at(f.argument(4), vectors * width);
  f.loop(f.index(0), f.index(width), 1, [&](Value m) {
    for (int v = 0; v < vectors; ++v)
      f.prefetch(f.at(f.at(next, f.mul(f.argument(5), m)), v * width), /*isWrite=*/true);
  });
  Value ahead = f.argument(6);
  Value isAhead = f.isNotNull(ahead);
  Value aheadStep = f.select(isAhead, f.index(width), f.index(0));
  ahead = f.select(isAhead, ahead, f.argument(0));
  for (const auto &[begin, tile] : tiles)
    f.call(tile, {f.at(f.argument(0), begin), f.argument(1), f.argument(2), f.argument(3),
                  f.at(f.argument(4), f.mul(f.argument(5), begin)), f.argument(5), ahead,
                  begin == 0 ? aheadStep : f.index(0)});
  f.finish();
  return name;
}

} // namespace cellwright
