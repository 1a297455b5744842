// Emission of what happens once per update of the parameters: expressions of parameters alone,
// packing of weights, and the way back from sums over rows to gradients. Plain loops over row-major
// buffers.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits `prepare`: values of the update's rate that do not depend on sums.
void emitPrepare(ModuleEmitter &module, cell::CellOp cell);

/// Emits `finish`: what depends on sums, and the gradients of parameters.
void emitFinish(ModuleEmitter &module, cell::CellOp cell);

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

/// Adds a buffer for packed weights and emits the function that fills it; gives the buffer.
int emitPacking(ModuleEmitter &module, const Packing &packing, mlir::Location loc);

} // namespace cellwright
