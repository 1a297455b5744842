// How the contractions of a phase divide into register tiles: which accumulators a tile holds, and
// in which runs the products that feed them are done.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "codegen/emit/function_builder.h"

#include <vector>

namespace cellwright {

/// Products of one operand that a tile does in one go: neighbouring accumulators.
struct Segment {
  mlir::Value operand;
  std::vector<mlir::Value> matrices; // one per accumulator from the first on
  int64_t firstAccumulator = 0;
  bool isAdded = false; // to what earlier segments left in the accumulators
};

/// Columns of matrices that an index picks: each is added to its accumulator.
struct Gather {
  mlir::Value index;
  std::vector<mlir::Value> matrices;
  std::vector<int64_t> accumulators; // of each matrix
};

struct TilePlan {
  std::vector<cell::ContractOp> accumulators;
  std::vector<bool> hasProducts; // of each accumulator: some segment feeds it
  std::vector<Segment> segments;
  std::vector<Gather> gathers;
  int64_t tiles = 1;
  int64_t panelsPerTile = 1; // of all tiles but the last
  int64_t lastPanels = 1;    // of the last tile
};

/// Plans a phase that has contractions.
TilePlan planTiles(cell::PhaseOp phase, const EmissionContext &context);

} // namespace cellwright
