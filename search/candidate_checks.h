// What a search over cells asks of its candidates before they are tried: which are the same, how
// large they are, and what the filters say of their equations.
#pragma once

#include "search/hyper_space.h"
#include "search/search.h"
#include "search/space.h"
#include "training/task.h"

#include <cstdint>

namespace cellwright {

/// Candidates are the same if their canonical forms are (dsl/canonical.h). `form` is of the study's
/// task; `mostParams` bounds a whole model on it, 0: the hidden size is the hyperparameters'.
CandidateChecks makeCandidateChecks(const TaskForm &form, int64_t mostParams);

/// Throws Error if an alternative of the space is wrong. Then draws candidates until one passes the
/// filters of equations; throws Error, with what is wrong with the first, if none of so many does.
void checkSpace(const Space &space, const HyperSpace &hyper, const TaskForm &form,
                int64_t mostParams, int64_t draws);

} // namespace cellwright
