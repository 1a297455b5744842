// Emission of one `cell.phase`.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits the function of a phase and, if it has contractions, the functions that pack its weights.
void emitPhase(ModuleEmitter &module, cell::PhaseOp phase);

} // namespace cellwright
