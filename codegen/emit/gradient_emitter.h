// Sums over rows: the gradients of what changes with the parameters alone. A product's weight
// gradient is one contraction over all rows of a block of steps.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits the sums of a cell: one function for all outer products with the same right side, one for
/// each other sum.
void emitGradients(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
