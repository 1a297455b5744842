// What will run, for people: `show --as plan`.
#pragma once

#include "codegen/compile.h"

#include <optional>
#include <string>

namespace cellwright {

/// What the machine can do, measured by whoever asks.
struct MachineSpeed {
  double peakFlops = 0;      // multiply-adds count two, one core
  double bytesPerSecond = 0; // of reads from the cache that holds the weights
};

/// Phases of a step with their products, what is saved and what is computed again, bytes, flops
/// and, if `machine` is given, the bound of a step of `sequences` sequences.
std::string printPlan(const Cell &cell, const Bound &bound, const CompileOptions &options,
                      const std::optional<MachineSpeed> &machine, int64_t sequences);

/// Multiply-adds of one step of one sequence, each counted as two: forward, and backward with all
/// gradients.
struct StepFlops {
  double forward = 0;
  double backward = 0;
};
StepFlops countFlops(const Cell &cell, const Bound &bound);

/// Bytes of the weights that the recurrence reads in one step, forward.
double coreWeightBytes(const Cell &cell, const Bound &bound, const CompileOptions &options);

} // namespace cellwright
