// What will run: for people (`show --as plan`) and as numbers, for bounds.
#pragma once

#include "codegen/compile.h"
#include "codegen/phase_loop.h"
#include "runtime/tape_plan.h"

#include <string>
#include <string_view>
#include <vector>

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

/// A phase and the loop that it gets, in the order in which the kernel has them.
struct PhaseCost {
  std::string stage; // as the plan has it: before, core, ...
  PhaseLoop loop = PhaseLoop::Panels;
  int tileRows = 0, tileVectors = 0; // of tiles
  double flops = 0;                  // of its products, for one row
  double weightBytes = 0;            // that one call reads
  int latency = 0;                   // in multiply-adds that wait for each other
  bool isStepwise = false;           // of the recurrence
  bool isBackward = false;
};

struct CellCost {
  StepCost forward, backward; // backward: with the gradients of parameters, inputs and states
  std::vector<PhaseCost> phases;
  int64_t tapeBytes = 0; // kept per step and sequence for the backward pass, beside the states
  int64_t stateBytes = 0;
};

/// What the cell's kernel keeps for its backward pass, also for a target that cannot run here.
TapeShape measureTape(const Cell &cell, const Bound &bound, const CompileOptions &options);

/// Schedules the cell and adds up.
CellCost measureCost(const Cell &cell, const Bound &bound, const CompileOptions &options);

struct MachineSpeed {
  double peakFlops = 0;          // per second
  double weightBandwidth = 0;    // bytes per second from the cache that holds the weights
  double multiplyAddSeconds = 0; // latency of one
};

/// The time below which no machine of these speeds can do a step of some sequences: batched
/// products at the peak, and the recurrence at whichever is longest of its products at the peak,
/// reading its weights once, and its dependent phases. Seconds.
struct StepBound {
  double batched = 0, products = 0, weights = 0, latency = 0;

  double seconds() const;
  /// What is longest: `products`, with the batched ones; `weights` or `latency`.
  std::string_view limit() const;
};
StepBound boundOf(const StepCost &cost, const MachineSpeed &machine, int64_t sequences);

/// Phases of a step with their products, what is saved and what is computed again, bytes and flops,
/// and the bound at the target's nominal speed.
std::string printPlan(const Cell &cell, const Bound &bound, const CompileOptions &options);

} // namespace cellwright
