// Emission of the sums over rows that are the gradients of parameters.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits one function per `cell.accumulate`.
void emitGradients(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
