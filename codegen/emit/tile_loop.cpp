// The loop of a phase with contractions: over tiles of rows and columns, the products of a tile in
// registers and then, element by element, the rest of the phase as their epilogue.
#include "codegen/emit/dense_emitter.h"
#include "codegen/emit/place_emitter.h"
#include "codegen/emit/tile_plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace cellwright {

namespace {

class TileLoop {
public:
  explicit TileLoop(PlaceEmitter &at)
      : at(at), f(at.f), width(at.width), plan(planTiles(at.phase, at.f.context)) {}

  int64_t emit();

private:
  /// Which tile: the last may have fewer panels than the plan says.
  struct Tile {
    Value number;
    int64_t panels;
  };

  int packedWeights(const std::vector<Value> &matrices, Value operand);
  Value weightsOffset(const Tile &tile, int64_t columns, size_t matrices);
  void emitTile(const Tile &tile);
  void emitProducts(const Tile &tile, int rows, Value row, Value scratch);
  void emitEpilogue(const Tile &tile, const Place &place, Value sums, Value panelInTile);
  Value accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile, Value row);
  int64_t pitch(const Tile &tile) const {
    return static_cast<int64_t>(plan.accumulators.size()) * tile.panels * width;
  }

  PlaceEmitter &at;
  PhaseFunction &f;
  int width;
  TilePlan plan;
  std::vector<int> segmentWeights, gatherWeights; // buffers of packed weights
};

int TileLoop::packedWeights(const std::vector<Value> &matrices, Value operand) {
  return emitPacking(at.module,
                     {matrices, at.columns, tensorType(operand).getNumber(0), plan.panelsPerTile},
                     f.loc);
}

/// Elements of the weights before a tile: all those before it have the plan's panels.
Value TileLoop::weightsOffset(const Tile &tile, int64_t columns, size_t matrices) {
  return f.mul(tile.number, columns * static_cast<int64_t>(matrices) * plan.panelsPerTile * width);
}

/// An accumulator at one row and panel of the tile: what the register tiles left, and what indices
/// pick.
Value TileLoop::accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile,
                            Value row) {
  Value sum;
  if (plan.hasProducts[number])
    sum = f.loadVector(f.at(sums, number * tile.panels * width));
  for (auto [gather, weights] : llvm::zip_equal(plan.gathers, gatherWeights))
    for (auto [i, target] : llvm::enumerate(gather.accumulators)) {
      if (target != number)
        continue;
      size_t matrices = gather.matrices.size();
      Value column = f.mul(at.loadIndex(gather.index, row),
                           static_cast<int64_t>(matrices) * tile.panels * width);
      Value offset =
          f.add(weightsOffset(tile, tensorType(gather.index).getNumber(0), matrices), column);
      offset =
          f.add(offset, f.mul(f.add(panelInTile, static_cast<int64_t>(i) * tile.panels), width));
      Value picked = f.loadVector(f.at(f.pointer(weights), offset));
      sum = sum ? f.vectors().add(sum, picked) : picked;
    }
  return sum;
}

void TileLoop::emitProducts(const Tile &tile, int rows, Value row, Value scratch) {
  for (auto [segment, weights] : llvm::zip_equal(plan.segments, segmentWeights)) {
    size_t matrices = segment.matrices.size();
    std::string product =
        at.module.getContractions().product(rows, static_cast<int>(matrices * tile.panels), f.loc);
    int source = at.module.rowBuffer(segment.operand);
    int64_t size = tensorType(segment.operand).getNumber(0);
    Value keep = arith::ConstantOp::create(f.b, f.loc, f.b.getBoolAttr(segment.isAdded));
    f.call(product, {f.at(f.pointer(source), f.mul(row, width)), f.panelStride(source),
                     f.index(size), f.at(f.pointer(weights), weightsOffset(tile, size, matrices)),
                     f.at(scratch, segment.firstAccumulator * tile.panels * width),
                     f.index(pitch(tile)), keep});
  }
}

void TileLoop::emitEpilogue(const Tile &tile, const Place &place, Value sums, Value panelInTile) {
  Scope scope;
  for (auto [a, contract] : llvm::enumerate(plan.accumulators))
    scope[cell::ContractOp(contract).getResult()] =
        accumulator(tile, static_cast<int64_t>(a), sums, panelInTile, place.row);
  for (Operation *op : at.operations) {
    auto contract = dyn_cast<cell::ContractOp>(op);
    if (!contract) {
      at.emitOperation(op, place, scope);
    } else if (contract.getAddend()) {
      Value addend = at.readVector(contract.getAddend(), place, scope);
      scope[contract.getResult()] = f.vectors().add(scope[contract.getResult()], addend);
    }
  }
  at.emitYields(place, scope, /*scalars=*/false);
}

void TileLoop::emitTile(const Tile &tile) {
  int tileRows = f.context.target.tileRows;
  Value scratch = f.scratch(tileRows * pitch(tile));
  Value firstPanel = f.mul(tile.number, plan.panelsPerTile);
  f.loop(f.rowBegin, f.rowEnd, tileRows, [&](Value row) {
    Value rows = f.min(f.sub(f.rowEnd, row), f.index(tileRows));
    for (int variant = tileRows; variant >= 1 && !plan.segments.empty(); --variant)
      f.when(f.isEqual(rows, f.index(variant)), [&] { emitProducts(tile, variant, row, scratch); });
    f.loop(f.index(0), rows, 1, [&](Value i) {
      f.loop(f.index(0), f.index(tile.panels), 1, [&](Value panel) {
        Value sums = f.at(f.at(scratch, f.mul(i, pitch(tile))), f.mul(panel, width));
        emitEpilogue(tile, {f.add(row, i), f.add(firstPanel, panel)}, sums, panel);
      });
    });
  });
}

int64_t TileLoop::emit() {
  for (const Segment &segment : plan.segments)
    segmentWeights.push_back(packedWeights(segment.matrices, segment.operand));
  for (const Gather &gather : plan.gathers)
    gatherWeights.push_back(packedWeights(gather.matrices, gather.index));
  int64_t fullTiles = at.panels / plan.panelsPerTile;
  int64_t restPanels = at.panels % plan.panelsPerTile;
  f.loop(f.tileBegin, f.min(f.tileEnd, f.index(fullTiles)), 1, [&](Value number) {
    emitTile({number, plan.panelsPerTile});
  });
  if (restPanels != 0)
    f.when(f.isLess(f.index(fullTiles), f.tileEnd), [&] {
      emitTile({f.index(fullTiles), restPanels});
    });
  return fullTiles + (restPanels != 0 ? 1 : 0);
}

} // namespace

int64_t emitTileLoop(PlaceEmitter &at) { return TileLoop(at).emit(); }

} // namespace cellwright
