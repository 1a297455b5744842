// Emission of one `cell.phase`.
#pragma once

#include "codegen/emit/module_emitter.h"

namespace cellwright {

/// Emits the function of a phase; asks for the weights of its contractions to be packed.
void emitPhase(ModuleEmitter &module, cell::PhaseOp phase);

} // namespace cellwright
