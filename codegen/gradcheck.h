// Kernels against the meaning of a cell: forward values against the interpreter, gradients against
// differences of the interpreter, on random numbers.
#pragma once

#include "codegen/compile.h"
#include "codegen/execute.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cellwright {

struct GradcheckOptions {
  int64_t steps = 4;
  int64_t sequences = 3;
  uint64_t seed = 1;
  int64_t samples = 50; // elements of each tensor whose differences are taken; all if it has fewer
  int threads = 1;
  bool hasLengths = false; // sequences of different lengths, some of length 0
  bool hasResets = false;
  double smallest =
      0; // errors are relative to the tensor's largest magnitude, or to this if larger
  /// Called after each difference with how many are done and how many there will be.
  std::function<void(int64_t done, int64_t all)> progress = {};
};

/// The worst element of one tensor.
struct GradcheckRow {
  std::string tensor;  // `out`, `state.h`, `dparam.W_i_x`, ...
  int64_t element = 0; // row-major
  double found = 0;    // by the kernel
  double expected = 0; // by the interpreter, or its differences
  double error = 0;    // relative to the tensor's largest magnitude
  double limit = 0;
  int64_t compared = 0; // elements
  int64_t kinks = 0;    // elements left out as differences say nothing: a kink is near, rounding
                        // hides them, or the loss is no number

  /// Good is what was compared and agrees; a row that mostly left out says too little to be good.
  bool isGood() const { return error <= limit && kinks <= compared; }
};

/// What a cell is run on to be checked: random numbers for all it takes, and adjoints of all it
/// gives.
struct GradcheckRun {
  SequenceInput input;
  GivenAdjoints adjoints;
};
GradcheckRun makeGradcheckRun(const Cell &cell, const Bound &bound, const CompileOptions &options,
                              const GradcheckOptions &check);

/// Compares what a kernel gave for a run. Differences are of fourth order in double; where those of
/// two widths disagree there is a kink between them, and narrower ones are taken. In f32 they are
/// not: the kernel's own rounding may put it on the other side of a kink that near.
std::vector<GradcheckRow> compareWithInterpreter(const Cell &cell, const Bound &bound,
                                                 const GradcheckRun &run,
                                                 const ExecutionResult &found, bool isDouble,
                                                 const GradcheckOptions &check);

/// Largest error that counts as right, relative to the largest magnitude of a tensor: 1e-12 forward
/// in f64; 1e-6 for gradients in f64, which is what differences give; in f32
/// 4 (8 backward) ceil(log2(length of the longest sum x T)) 1.2e-7.
double gradcheckLimit(const Cell &cell, const Bound &bound, const GradcheckOptions &check,
                      bool isDouble, bool isBackward);

/// Compiles the cell, runs it and compares.
std::vector<GradcheckRow> checkGradients(const Cell &cell, const Bound &bound,
                                         const CompileOptions &options,
                                         const GradcheckOptions &check);

/// Random numbers for a cell's inputs, states and parameters, as `checkGradients` uses them.
SequenceInput makeRandomInput(const Cell &cell, const Bound &bound, const GradcheckOptions &check,
                              bool isDouble);

} // namespace cellwright
