// The schedule: from an imported cell to phases, in passes.
#pragma once

#include "mlir/Pass/PassManager.h"

#include <string>

namespace cellwright {

struct ScheduleOptions {
  std::string sizes;       // numbers of the names of sizes: H=256,I=65
  bool isTraining = false; // random functions draw
  bool hasBackward = true;
  bool stateAdjoints = false; // the caller gives adjoints of the states of each step
  std::string alteredFunction, alteredAdjoint; // see AlteredRule; no function: none
};

/// Adds the passes up to the decision what the forward pass keeps: the step and its adjoint as
/// operations on whole vectors.
void buildDifferentiation(mlir::OpPassManager &passes, const ScheduleOptions &options);

/// Adds the passes of the schedule.
void buildSchedule(mlir::OpPassManager &passes, const ScheduleOptions &options);

} // namespace cellwright
