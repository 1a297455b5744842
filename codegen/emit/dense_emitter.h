// Emission of what happens once per update of the parameters: expressions of parameters alone, and
// the way back from sums over rows to gradients. Plain loops over row-major buffers.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits `prepare`: values of the update's rate that do not depend on sums.
void emitPrepare(ModuleEmitter &module, cell::CellOp cell);

/// Emits `finish`: what depends on sums, and the gradients of parameters.
void emitFinish(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
