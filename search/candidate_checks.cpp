// See candidate_checks.h.
#include "search/candidate_checks.h"

#include "search/cell_text.h"
#include "search/filters.h"
#include "search/run_trial.h"

namespace cellwright {

static std::optional<std::string> hashOf(const Candidate &candidate) {
  try {
    return hexText(hashOfCell(candidate.cell));
  } catch (const Error &) {
    return std::nullopt;
  }
}

/// Sets the largest hidden size in the budget; a cell that has none keeps its own, and is refused.
static void fitSize(const Candidate &candidate, const TaskForm &form, int64_t mostParams,
                    HyperParameters &hyper) {
  try {
    hyper.hidden = fitModel(candidate.cell, form, hyper, mostParams).value_or(hyper.hidden);
  } catch (const Error &) {
    return; // the filters say what is wrong
  }
}

CandidateChecks makeCandidateChecks(const TaskForm &form, int64_t mostParams) {
  CandidateChecks checks;
  checks.hash = hashOf;
  if (mostParams > 0)
    checks.fit = [form, mostParams](const Candidate &candidate, HyperParameters &hyper) {
      fitSize(candidate, form, mostParams, hyper);
    };
  checks.refuse = [form, mostParams](const Candidate &candidate, const HyperParameters &hyper) {
    auto filtered = filterByEquations(candidate.cell, {form, hyper, mostParams}).filtered;
    return filtered ? std::string(nameOf(filtered->filter)) : "";
  };
  return checks;
}

void checkSpace(const Space &space, const HyperSpace &hyper, const TaskForm &form,
                int64_t mostParams, int64_t draws) {
  std::string problems = space.problems();
  CELLWRIGHT_CHECK(problems.empty(), "`{}` has alternatives that are wrong:\n{}", space.name(),
                   problems);
  Random random(1, "what a space draws");
  std::string first;
  for (int64_t i = 0; i < draws; ++i) {
    std::string reason;
    try {
      Candidate candidate = space.sample(random);
      auto filtered =
          filterByEquations(candidate.cell, {form, hyper.sample(random), mostParams}).filtered;
      if (!filtered)
        return;
      reason = filtered->reason;
    } catch (const NoCandidate &problem) {
      reason = problem.what();
    }
    if (first.empty())
      first = reason;
  }
  throw Error(fmt::format("none of {} draws of the space `{}` can be tried; the first: {}; change "
                          "the space, or raise the budget",
                          draws, space.name(), first));
}

} // namespace cellwright
