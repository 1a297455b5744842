// What a search over cells asks of its candidates before they are trained: which are the same, how
// large they are, and what the filters say.
#pragma once

#include "search/search.h"
#include "training/task.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace cellwright {

struct CandidateCheckOptions {
  TaskForm form;          // of the study's task
  std::string task;       // its name
  int64_t mostParams = 0; // of a whole model; 0: the hidden size is the hyperparameters'
  /// Makes what looks at gradients, a GradientEvaluator or a process with one. Absent: nothing
  /// does.
  std::function<std::unique_ptr<Evaluator>()> makeGradientFilter = {};
};

/// Candidates are the same if their canonical forms are (dsl/canonical.h). A candidate that makes
/// the process of the gradient filter fail is refused with what went wrong, `no-time`, as the name
/// of the filter.
CandidateChecks makeCandidateChecks(const CandidateCheckOptions &options);

} // namespace cellwright
