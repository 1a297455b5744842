// What must hold of every cell at every size, in one call: the interpreter's values, gradients by
// differences and along directions, and the same bits for every number of threads.
#pragma once

#include "support.h"

#include <string>
#include <vector>

namespace cellwright {

struct CellCheck {
  CompileOptions compile;
  GradcheckOptions run;
  std::vector<int> otherThreads = {2}; // results must be those of run.threads
  /// In f32 a cell may multiply the rounding of what it is given: so much more is then allowed.
  bool isSensitive = false;
  /// States that are sums of positive terms, by which the cell divides: they start above zero.
  std::vector<std::string> normalizers = {};
};

/// What does not hold, one line each.
std::vector<std::string> problemsOf(const TestCell &cell, const CellCheck &check);

/// The same, given what a kernel returned; a run in which a number is next to a kink, so that f32
/// may be on its other side, is no run to judge a kernel by: see `makeClearRun`.
std::vector<std::string> problemsOfResult(const TestCell &cell, const CellCheck &check,
                                          const GradcheckRun &run, const ExecutionResult &found);

/// The loss whose gradients the adjoints ask for, or how it moves.
double lossOf(const SequenceResult &result, const GivenAdjoints &adjoints);

/// How much larger, relative to the larger of values and 1, the values get that a cell gives if
/// each number that it is given gets larger or smaller by its own size.
double sensitivityOf(const TestCell &cell, const GradcheckRun &run);

/// A run with no number next to a kink, from the first seed that gives one.
GradcheckRun makeClearRun(const TestCell &cell, CellCheck &check);

} // namespace cellwright
