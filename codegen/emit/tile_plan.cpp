// See tile_plan.h.
#include "codegen/emit/tile_plan.h"

#include "codegen/costs.h"

#include "llvm/ADT/MapVector.h"

#include <algorithm>

using namespace mlir;

namespace cellwright {

/// Divides panels into tiles of at most `most`: all tiles alike if that loses little, and no last
/// tile of a single vector where the one before has room for it.
static void divideIntoTiles(TilePlan &plan, int64_t panels, int64_t most) {
  int64_t count = most;
  while (count > 1 && panels % count != 0 && 3 * (count - 1) >= 2 * most)
    --count;
  if (panels % count != 0)
    count = most;
  plan.panelsPerTile = count;
  plan.tiles = (panels + count - 1) / count;
  plan.lastPanels = panels - (plan.tiles - 1) * count;
  bool isThin = plan.lastPanels == 1 && count > 1 && plan.accumulators.size() == 1;
  if (isThin && plan.tiles > 1) {
    --plan.tiles;
    plan.lastPanels += count;
  }
}

namespace {
struct Product {
  int64_t accumulator;
  Value matrix;
};
} // namespace

/// Appends the segments of one operand: runs of neighbouring accumulators, of the same history,
/// that fit into a tile.
static void addSegments(TilePlan &plan, Value operand, ArrayRef<Product> products, size_t most,
                        std::vector<bool> &isStarted) {
  size_t begin = 0;
  while (begin < products.size()) {
    size_t end = begin + 1;
    while (end < products.size() &&
           products[end].accumulator == products[end - 1].accumulator + 1 &&
           isStarted[products[end].accumulator] == isStarted[products[begin].accumulator])
      ++end;
    // Equal parts: 4 + 4 rather than 6 + 2.
    size_t parts = (end - begin + most - 1) / most;
    for (size_t part = 0; part < parts; ++part) {
      size_t first = begin + (end - begin) * part / parts;
      size_t last = begin + (end - begin) * (part + 1) / parts;
      Segment segment{
          operand, {}, products[first].accumulator, isStarted[products[first].accumulator]};
      for (size_t i = first; i < last; ++i) {
        segment.matrices.push_back(products[i].matrix);
        isStarted[products[i].accumulator] = true;
      }
      plan.segments.push_back(std::move(segment));
    }
    begin = end;
  }
}

TilePlan planTiles(cell::PhaseOp phase, const EmissionContext &context) {
  TilePlan plan;
  llvm::MapVector<Value, SmallVector<Product>> byOperand;
  llvm::MapVector<Value, Gather> gathers;
  llvm::MapVector<Value, SmallVector<Product>>
      again; // a second matrix of one accumulator for one operand
  for (auto contract : phase.getBody().getOps<cell::ContractOp>()) {
    auto accumulator = static_cast<int64_t>(plan.accumulators.size());
    plan.accumulators.push_back(contract);
    for (auto [matrix, vector] : llvm::zip_equal(contract.getMatrices(), contract.getVectors())) {
      if (isIndex(vector)) {
        Gather &gather = gathers[vector];
        gather.index = vector;
        gather.matrices.push_back(matrix);
        gather.accumulators.push_back(accumulator);
        continue;
      }
      auto &products = byOperand[vector];
      bool isTaken = !products.empty() && products.back().accumulator == accumulator;
      (isTaken ? again[vector] : products).push_back({accumulator, matrix});
    }
  }
  int64_t tileVectors = context.target.tileVectors;
  int64_t panels = context.panels(phase.getColumns());
  auto accumulators = static_cast<int64_t>(plan.accumulators.size());
  divideIntoTiles(plan, panels, std::clamp<int64_t>(tileVectors / accumulators, 1, panels));
  auto most = static_cast<size_t>(std::max<int64_t>(1, tileVectors / plan.panelsPerTile));
  std::vector<bool> isStarted(plan.accumulators.size(), false);
  for (auto &[operand, products] : byOperand)
    addSegments(plan, operand, products, most, isStarted);
  for (auto &[operand, products] : again)
    for (const Product &product : products)
      addSegments(plan, operand, product, 1, isStarted);
  plan.hasProducts = std::move(isStarted);
  for (auto &[index, gather] : gathers)
    plan.gathers.push_back(std::move(gather));
  return plan;
}

} // namespace cellwright
