// Time of a cell over a batch of sequences, forward and backward, beside its bound and its peers.
#pragma once

#include "bench/machine.h"
#include "bench/timing.h"
#include "codegen/compile.h"
#include "codegen/plan.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

/// What is timed. Flops of Both are three times those of the forward passes: the backward pass
/// counts twice the forward pass. BothLimited keeps a tenth of the tape, and counts no more flops.
/// Update is a step of training of a language model, Step one step of one sequence by a function of
/// its own, from where the last one ended.
enum class Pass : uint8_t { Forward, ForwardTape, Both, BothLimited, Compile, Load, Update, Step };
std::string_view nameOf(Pass pass);

struct CellBenchOptions {
  int64_t steps = 100;
  int64_t sequences = 32;
  std::vector<int64_t> lengths; // of each sequence, or empty: all steps
  int threads = 1;
  double seconds = 1; // of measuring, all passes and peers together
  std::vector<Pass> passes = {Pass::Forward, Pass::ForwardTape, Pass::Both};
  bool hasPeers = false;  // others' implementations in turn with ours
  bool hasPhases = false; // measures one more run phase by phase
};

/// A phase of a kernel in one run of forward and backward.
struct PhaseRow {
  std::string name; // as the plan has it
  int64_t calls = 0;
  double seconds = 0;
};

/// One line of a benchmark.
struct BenchRow {
  std::string suite, cell, implementation;
  int64_t I = 0, H = 0; // 0: the cell has no such size
  int64_t N = 0, T = 0;
  int threads = 1;
  bool isDouble = false;
  std::string pass;
  Timing timing;
  double flops = 0;            // 2 per multiply-add of the cell's products; 0: not counted
  double peakFlops = 0;        // per second, of as many cores as there are threads
  double bound = 0;            // seconds, see StepBound; 0: none
  std::string limit;           // what the bound is made by: products, weights, latency
  double usefulSeconds = 0;    // of sequences of different lengths: the time of all steps times the
                               // part of them that are not padding; 0: all have the same length
  int64_t tapeBytes = 0;       // per step and sequence, beside the states
  double weightBytes = 0;      // read per step of the recurrence
  std::string level;           // of the memory, that holds them
  double weightBandwidth = 0;  // bytes per second, measured at that size
  double roundTripSeconds = 0; // of a cache line between cores, when the row was measured
  double compileSeconds = 0;
  std::string path;              // which loops ran, see RunPath
  std::vector<std::string> slow; // what of it costs more than it must
  std::vector<PhaseRow> phases;  // of the last pass, if asked for
};

/// Compiles and measures a cell on random numbers. Throws Error if a peer's results differ from
/// ours by more than 1e-3: then they are not the same cell.
std::vector<BenchRow> benchCell(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                                const CellBenchOptions &options, const Machine &machine);

/// Measures how long a cell takes to be compiled, forward and backward, and to be loaded from a
/// cache; a row of each for every number of steps of `steps`, which must not matter.
std::vector<BenchRow> benchCompile(const Cell &cell, const Bound &bound,
                                   const CompileOptions &compile, std::span<const int64_t> steps,
                                   double seconds);

} // namespace cellwright
