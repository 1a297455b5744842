// Time of a cell over a sequence, forward and backward, beside what the machine can do.
#pragma once

#include "codegen/compile.h"

#include <cstdint>

namespace cellwright {

struct CellBenchOptions {
  int64_t steps = 100;
  int64_t sequences = 32;
  int threads = 1;
  double seconds = 1; // of measuring, per row
};

/// Seconds of one pass.
struct Timing {
  double median = 0;
  double least = 0;
  double spread = 0; // (90th - 10th percentile) / median
  int runs = 0;
};

struct CellBenchResult {
  Timing forward;     // without tape
  Timing forwardTape; // keeping what the backward pass needs
  Timing both; // forward and backward with the gradients of parameters, inputs and initial states
  double flopsForward = 0; // of products: 2 per multiply-add
  double flopsBackward = 0;
  double compileSeconds = 0;
  int64_t tapeBytes = 0; // per step and sequence
};

/// Compiles and measures a cell on random numbers.
CellBenchResult benchCell(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                          const CellBenchOptions &options);

} // namespace cellwright
