// Emission of the phases of a scheduled cell, each as a function.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits the function of each phase and, if it has contractions, the functions that pack its
/// weights.
void emitPhases(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
