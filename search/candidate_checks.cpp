// See candidate_checks.h.
#include "search/candidate_checks.h"

#include "search/cell_text.h"
#include "search/filters.h"
#include "search/run_trial.h"

namespace cellwright {

namespace {

/// Nobody is interested in what a filter does on its way.
class IndifferentObserver : public TrialObserver {
public:
  void addValue(const TrialValue &) override {}
  bool shouldStop() const override { return false; }
};

std::optional<std::string> hashOf(const Candidate &candidate) {
  try {
    return hexText(hashOfCell(candidate.cell));
  } catch (const Error &) {
    return std::nullopt;
  }
}

FilterOptions filterOptions(const CandidateCheckOptions &options, const HyperParameters &hyper) {
  FilterOptions filter;
  filter.form = options.form;
  filter.hyper = hyper;
  filter.mostParams = options.mostParams;
  return filter;
}

/// Sets the largest hidden size in the budget; a cell that has none keeps its own, and is refused.
void fitSize(const CandidateCheckOptions &options, const Candidate &candidate,
             HyperParameters &hyper) {
  try {
    ModelStack stack(describeModel(candidate.cell, options.form, hyper));
    hyper.hidden = fitHidden(stack, options.mostParams).value_or(hyper.hidden);
  } catch (const Error &) {
    return; // the filters say what is wrong
  }
}

std::string refuse(const CandidateCheckOptions &options, const Candidate &candidate,
                   const HyperParameters &hyper) {
  auto filtered = filterByEquations(candidate.cell, filterOptions(options, hyper)).filtered;
  if (filtered)
    return std::string(nameOf(filtered->filter));
  if (!options.makeGradientFilter)
    return "";
  TrialSpec spec;
  spec.cell = candidate.cell;
  spec.task = options.task;
  spec.hyper = hyper;
  IndifferentObserver observer;
  TrialResult result;
  try {
    result = options.makeGradientFilter()->evaluate(spec, observer);
  } catch (const TrialLost &) {
    return std::string(nameOf(TrialStatus::Lost));
  }
  if (result.status == TrialStatus::Filtered)
    return result.reason.substr(0, result.reason.find(':'));
  return result.status == TrialStatus::Done ? "" : std::string(nameOf(result.status));
}

} // namespace

CandidateChecks makeCandidateChecks(const CandidateCheckOptions &options) {
  CandidateChecks checks;
  checks.hash = hashOf;
  if (options.mostParams > 0)
    checks.fit = [options](const Candidate &candidate, HyperParameters &hyper) {
      fitSize(options, candidate, hyper);
    };
  checks.refuse = [options](const Candidate &candidate, const HyperParameters &hyper) {
    return refuse(options, candidate, hyper);
  };
  return checks;
}

} // namespace cellwright
