// What will run: for people (`show --as plan`) and as numbers, for bounds.
#pragma once

#include "codegen/compile.h"
#include "runtime/tape_plan.h"

#include <string>

namespace cellwright {

/// What one step of one sequence costs in one direction. Flops are those of products, two per
/// multiply-add; element-wise work is not counted.
struct StepCost {
  double batchedFlops = 0; // of products that many steps do at once
  double coreFlops = 0;    // of products of the recurrence
  double weightBytes = 0;  // that a step of the recurrence reads, however many sequences there are
  int phases = 0;          // of the recurrence: each waits for the one before
  int latency = 0;         // of the recurrence, in multiply-adds that wait for each other

  double flops() const { return batchedFlops + coreFlops; }
};

struct CellCost {
  StepCost forward, backward; // backward: with the gradients of parameters, inputs and states
  int64_t tapeBytes = 0;      // kept per step and sequence for the backward pass, beside the states
  int64_t stateBytes = 0;
};

/// What the cell's kernel keeps for its backward pass, also for a target that cannot run here.
TapeShape measureTape(const Cell &cell, const Bound &bound, const CompileOptions &options);

/// Schedules the cell and adds up.
CellCost measureCost(const Cell &cell, const Bound &bound, const CompileOptions &options);

/// The time below which no machine of these speeds can do `steps` steps of `sequences` sequences:
/// batched products at the peak, and each step of the recurrence at whichever is longest of its
/// products at the peak, reading its weights once, and its dependent phases.
struct MachineSpeed {
  double peakFlops = 0;          // per second
  double weightBandwidth = 0;    // bytes per second from the cache that holds the weights
  double multiplyAddSeconds = 0; // latency of one
};
double boundSeconds(const StepCost &cost, const MachineSpeed &machine, int64_t steps,
                    int64_t sequences);

/// Phases of a step with their products, what is saved and what is computed again, bytes and flops.
std::string printPlan(const Cell &cell, const Bound &bound, const CompileOptions &options);

} // namespace cellwright
