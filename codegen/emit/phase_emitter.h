// Emission of one `cell.phase`, and of the sums over rows that are the gradients of parameters.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits the function of a phase and, if it has contractions, the functions that pack its weights.
void emitPhase(ModuleEmitter &module, cell::PhaseOp phase);

/// Emits one function per `cell.accumulate`.
void emitGradients(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
