// A trial in a process of its own, so that a candidate which crashes, hangs or wants all memory
// takes nothing with it. Both sides of a pipe: the child gets a trial as a line of JSON and answers
// with a line for each value and one for the result. One process a trial: what one leaves behind,
// memory or a thread, cannot reach the next.
#pragma once

#include "search/evaluator.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cellwright {

/// The child's side: reads a trial from file descriptor `in`, evaluates it, answers on `out`, and
/// gives the exit status of the process. What the evaluator prints must not go to `out`.
int runWorker(Evaluator &evaluator, int in = 0, int out = 1);

struct WorkerLimits {
  double seconds = 0; // of a trial; 0: none
  int64_t bytes = 0;  // of memory that a process may have of its own; 0: none
};

/// The parent's side.
class ProcessEvaluator : public Evaluator {
public:
  /// `command` is the program, by its path, and its arguments.
  ProcessEvaluator(std::vector<std::string> command, WorkerLimits limits)
      : command(std::move(command)), limits(limits) {}

  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;

private:
  std::vector<std::string> command;
  WorkerLimits limits;
};

} // namespace cellwright
