// Phases with reductions and scans: a loop over rows, and along each row a loop over its panels.
#pragma once

#include "codegen/emit/place_emitter.h"

namespace cellwright {

/// True for functions of a whole vector that give one number: sum, largest.
bool isReduction(mlir::Operation *op);
/// True for running sums along a vector.
bool isScan(mlir::Operation *op);

/// Emits the phase row by row. What needs a reduction of the same phase is a scalar, done at the
/// end of the row.
void emitRows(PlaceEmitter &place);

} // namespace cellwright
