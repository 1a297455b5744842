// Packed weights: matrices in the order in which the tiles of a product read them.
#pragma once

#include "mlir/IR/Value.h"

#include <cstdint>
#include <vector>

namespace cellwright {

class ModuleEmitter;

/// How the matrices that one operand multiplies in a phase stand in memory:
/// [tiles][columns of the operand][matrices][panels of a tile][width], padded with zeros; the last
/// tile has the panels that are left.
struct Packing {
  std::vector<mlir::Value> matrices;
  int64_t rows = 0;    // of each matrix
  int64_t columns = 0; // size of the operand
  int64_t panelsPerTile = 1;
  int64_t tiles = 1;
};

/// Adds a buffer for packed weights; gives its number.
int addPackedBuffer(ModuleEmitter &module, const Packing &packing);

/// A packing and its buffer.
struct PackedWeights {
  Packing packing;
  int buffer = -1;
};

/// Emits the function that fills the buffers of all packings.
void emitPackings(ModuleEmitter &module, const std::vector<PackedWeights> &all, mlir::Location loc);

} // namespace cellwright
