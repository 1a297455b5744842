// See tile_emitter.h. Why groups: a block of weights is read once from far away and then, from the
// second cache, for every row tile of the group; and an epilogue over many rows keeps the processor
// busy where one over a few waits for its own results.
#include "codegen/emit/tile_emitter.h"

#include "codegen/costs.h"
#include "codegen/emit/tile_plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <functional>

using namespace mlir;

namespace cellwright {

namespace {

constexpr int64_t kMostGroupRows = 64;
constexpr int64_t kScratchBytes = 16 << 10; // half of the smallest first cache known here

class TileEmitter {
public:
  explicit TileEmitter(PlaceEmitter &place)
      : place(place), f(place.f), plan(planTiles(place.phase, f.context)), width(place.width) {}

  int64_t emit();

private:
  /// Weights of a segment for some columns of its operand: what is read again and again for the row
  /// tiles of a group.
  struct Block {
    const Segment *segment;
    int packed; // buffer
    int64_t begin, columns;
  };

  /// A tile, with what of it is known when code is emitted.
  struct Tile {
    Value number;
    int64_t panels;
    Value firstPanel;
    Value next; // number of the tile after it
  };

  void packWeights();
  void cutBlocks();
  void forTiles(const std::function<void(const Tile &)> &body);
  void emitTile(const Tile &tile);
  Value sumsOf(const Tile &tile);
  void emitProducts(const Tile &tile, Value row, Value rows);
  void emitEpilogue(const Tile &tile, Value row, Value rows);
  void emitPlace(const Tile &tile, const Place &here, Value sums, Value panelInTile);
  Value accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile, Value row);
  Value weightsOf(const Block &block, const Tile &tile, Value number);
  Value tileOffset(Value number, int64_t columns, size_t matrices);

  int64_t elementBytes() const { return f.context.isDouble ? 8 : 4; }
  bool isOneRow() const { return f.context.target.mostRows == 1; }
  int64_t pitch(const Tile &tile) const {
    return static_cast<int64_t>(plan.accumulators.size()) * tile.panels * width;
  }

  PlaceEmitter &place;
  PhaseFunction &f;
  TilePlan plan;
  int width;
  std::vector<int> gatherWeights; // buffers of packed weights
  std::vector<Block> blocks;      // in the order in which they are read
  bool isFar = false;             // all weights together are too large for the second cache
  int64_t groupRows = 1;
  Value scratch;
};

//===-- Weights -------------------------------------------------------------------------------===//

/// Elements of packed weights before a tile; every tile before it has the plan's panels.
Value TileEmitter::tileOffset(Value number, int64_t columns, size_t matrices) {
  return f.mul(number, columns * static_cast<int64_t>(matrices) * plan.panelsPerTile * width);
}

Value TileEmitter::weightsOf(const Block &block, const Tile &tile, Value number) {
  size_t matrices = block.segment->matrices.size();
  int64_t columns = tensorType(block.segment->operand).getNumber(0);
  Value offset = f.add(tileOffset(number, columns, matrices),
                       block.begin * static_cast<int64_t>(matrices) * tile.panels * width);
  return f.at(f.pointer(block.packed), offset);
}

void TileEmitter::packWeights() {
  auto pack = [&](const std::vector<Value> &matrices, Value operand) {
    return place.module.addPacked({matrices, place.columns, tensorType(operand).getNumber(0),
                                   plan.panelsPerTile, plan.tiles});
  };
  for (const Segment &segment : plan.segments)
    blocks.push_back({&segment, pack(segment.matrices, segment.operand), 0,
                      tensorType(segment.operand).getNumber(0)});
  for (const Gather &gather : plan.gathers)
    gatherWeights.push_back(pack(gather.matrices, gather.index));
}

/// Cuts segments whose weights of a tile would push everything else out of the second cache.
void TileEmitter::cutBlocks() {
  int64_t cacheBytes = f.context.target.cacheBytes;
  int64_t allBytes = 0;
  std::vector<Block> cut;
  for (const Block &whole : blocks) {
    auto matrices = static_cast<int64_t>(whole.segment->matrices.size());
    int64_t bytesPerColumn = matrices * plan.panelsPerTile * width * elementBytes();
    allBytes += whole.columns * matrices * place.panels * width * elementBytes();
    int64_t most = std::max<int64_t>(width, cacheBytes / 4 / bytesPerColumn / width * width);
    int64_t parts = (whole.columns + most - 1) / most;
    int64_t step = ((whole.columns + parts - 1) / parts + width - 1) / width * width;
    for (int64_t begin = 0; begin < whole.columns; begin += step)
      cut.push_back({whole.segment, whole.packed, begin, std::min(step, whole.columns - begin)});
  }
  blocks = std::move(cut);
  isFar = allBytes > cacheBytes / 2;
}

//===-- Products ------------------------------------------------------------------------------===//

/// Adds up the products of rows [row, row + rows) in the scratch buffer.
void TileEmitter::emitProducts(const Tile &tile, Value row, Value rows) {
  Value nowhere = LLVM::ZeroOp::create(f.b, f.loc, f.pointerType());
  for (auto [i, block] : llvm::enumerate(blocks)) {
    const Segment &segment = *block.segment;
    size_t matrices = segment.matrices.size();
    std::string products = place.module.getContractions().products(
        static_cast<int>(static_cast<int64_t>(matrices) * tile.panels), f.loc);
    int source = place.module.rowBuffer(segment.operand);
    Value operand = f.at(f.at(f.pointer(source), f.mul(f.panelStride(source), block.begin / width)),
                         f.mul(row, width));
    bool isLast = i + 1 == blocks.size();
    Value ahead = nowhere;
    if (isFar)
      ahead = weightsOf(blocks[isLast ? 0 : i + 1], tile, isLast ? tile.next : tile.number);
    bool keep = segment.isAdded || block.begin > 0;
    f.call(products, {operand, f.panelStride(source), f.index(block.columns),
                      weightsOf(block, tile, tile.number),
                      f.at(sumsOf(tile), segment.firstAccumulator * tile.panels * width),
                      f.index(pitch(tile)), rows,
                      arith::ConstantOp::create(f.b, f.loc, f.b.getBoolAttr(keep)), ahead});
  }
}

//===-- Epilogue ------------------------------------------------------------------------------===//

/// An accumulator at one row and panel of the tile: what the products left, and what indices pick.
Value TileEmitter::accumulator(const Tile &tile, int64_t number, Value sums, Value panelInTile,
                               Value row) {
  Value sum;
  if (plan.hasProducts[number])
    sum = f.loadVector(f.at(sums, number * tile.panels * width));
  for (auto [gather, weights] : llvm::zip_equal(plan.gathers, gatherWeights))
    for (auto [i, target] : llvm::enumerate(gather.accumulators)) {
      if (target != number)
        continue;
      size_t matrices = gather.matrices.size();
      Value column = f.mul(place.loadIndex(gather.index, row),
                           static_cast<int64_t>(matrices) * tile.panels * width);
      Value offset =
          f.add(tileOffset(tile.number, tensorType(gather.index).getNumber(0), matrices), column);
      offset =
          f.add(offset, f.mul(f.add(panelInTile, static_cast<int64_t>(i) * tile.panels), width));
      Value picked = f.loadVector(f.at(f.pointer(weights), offset));
      sum = sum ? f.vectors().add(sum, picked) : picked;
    }
  return sum;
}

void TileEmitter::emitPlace(const Tile &tile, const Place &here, Value sums, Value panelInTile) {
  Scope scope;
  for (auto [a, contract] : llvm::enumerate(plan.accumulators))
    scope[cell::ContractOp(contract).getResult()] =
        accumulator(tile, static_cast<int64_t>(a), sums, panelInTile, here.row);
  for (Operation *op : place.operations) {
    auto contract = dyn_cast<cell::ContractOp>(op);
    if (!contract)
      place.emitOperation(op, here, scope);
    else if (contract.getAddend())
      scope[contract.getResult()] = f.vectors().add(
          scope[contract.getResult()], place.readVector(contract.getAddend(), here, scope));
  }
  place.emitYields(here, scope, /*scalars=*/false);
}

/// The rest of the phase for rows [row, row + rows).
void TileEmitter::emitEpilogue(const Tile &tile, Value row, Value rows) {
  f.loop(f.index(0), f.index(tile.panels), 1, [&](Value panel) {
    Value panelNumber = f.add(tile.firstPanel, panel);
    Value panelSums = f.at(sumsOf(tile), f.mul(panel, width));
    f.loop(f.index(0), rows, 1, [&](Value i) {
      Place here{f.add(row, i), panelNumber, f.enclosingLoop()};
      emitPlace(tile, here, f.at(panelSums, f.mul(i, pitch(tile))), panel);
    });
  });
}

//===-- Loops ---------------------------------------------------------------------------------===//

void TileEmitter::emitTile(const Tile &tile) {
  // Groups of equal size: 65 rows are 33 + 32, not 64 + 1.
  Value all = f.sub(f.rowEnd, f.rowBegin);
  Value step = f.divideUp(all, f.divideUp(all, groupRows));
  f.loop(f.rowBegin, f.rowEnd, step, [&](Value row) {
    Value rows = f.min(f.sub(f.rowEnd, row), step);
    emitProducts(tile, row, rows);
    emitEpilogue(tile, row, rows);
  });
}

/// Where a tile's sums stand: all tiles share the room, or with one row each has its own.
Value TileEmitter::sumsOf(const Tile &tile) {
  if (!isOneRow())
    return scratch;
  auto accumulators = static_cast<int64_t>(plan.accumulators.size());
  return f.at(scratch, f.mul(tile.number, accumulators * plan.panelsPerTile * width));
}

void TileEmitter::forTiles(const std::function<void(const Tile &)> &body) {
  bool isEven = plan.lastPanels == plan.panelsPerTile;
  Value evenTiles = f.index(isEven ? plan.tiles : plan.tiles - 1);
  // Every second step goes backwards over the tiles: it finds in the second cache what the step
  // before read last, of weights that do not fit as a whole.
  Value isBackwards = f.isOddStep();
  Value evenEnd = f.min(f.tileEnd, evenTiles);
  f.loop(f.tileBegin, evenEnd, 1, [&](Value turn) {
    Value fromEnd = f.sub(f.sub(f.add(f.tileBegin, evenEnd), turn), f.index(1));
    Value number = f.select(isBackwards, fromEnd, turn);
    Value next = f.add(number, f.select(isBackwards, f.index(-1), f.index(1)));
    body({number, plan.panelsPerTile, f.mul(number, plan.panelsPerTile), next});
  });
  if (!isEven)
    f.when(f.isLess(evenTiles, f.tileEnd), [&] {
      body({evenTiles, plan.lastPanels, f.mul(evenTiles, plan.panelsPerTile), evenTiles});
    });
}

int64_t TileEmitter::emit() {
  packWeights();
  cutBlocks();
  auto accumulators = static_cast<int64_t>(plan.accumulators.size());
  if (isOneRow()) {
    // Epilogues of one row wait for their own results; behind each other they wait once.
    scratch = f.scratch(accumulators * place.panels * width);
    Value one = f.index(1);
    forTiles([&](const Tile &tile) { emitProducts(tile, f.rowBegin, one); });
    forTiles([&](const Tile &tile) { emitEpilogue(tile, f.rowBegin, one); });
    return plan.tiles;
  }
  int64_t most = std::max(plan.panelsPerTile, plan.lastPanels);
  int64_t rowBytes = accumulators * most * width * elementBytes();
  groupRows = std::clamp<int64_t>(kScratchBytes / rowBytes, 8, kMostGroupRows);
  scratch = f.scratch(groupRows * rowBytes / elementBytes());
  forTiles([&](const Tile &tile) { emitTile(tile); });
  return plan.tiles;
}

} // namespace

int64_t emitTiles(PlaceEmitter &place) { return TileEmitter(place).emit(); }

} // namespace cellwright
