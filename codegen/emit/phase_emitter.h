// Emission of the phases of a scheduled cell, each as a function.
#pragma once

#include "codegen/emit/module_emitter.h"
#include "codegen/phase_loop.h"

namespace cellwright {

/// The loop that a phase gets.
PhaseLoop loopOf(cell::PhaseOp phase);

/// Emits the function of each phase; asks for the weights of its contractions to be packed.
void emitPhases(ModuleEmitter &module, cell::CellOp cell);

} // namespace cellwright
