// See trial_evaluators.h.
#include "search/trial_evaluators.h"

#include "search/filters.h"
#include "search/run_trial.h"

#include <fmt/format.h>

namespace cellwright {

TrialResult TrainingEvaluator::evaluate(const TrialSpec &spec, TrialObserver &observer) {
  TrialOptions options;
  options.compile = compile;
  options.onValue = [&](const TrialValue &value) {
    observer.addValue(value);
    return !observer.shouldStop();
  };
  return runTrial(spec, options);
}

TrialResult GradientEvaluator::evaluate(const TrialSpec &spec, TrialObserver &) {
  FilterOptions options;
  options.form = makeTask(spec.task)->form();
  options.hyper = spec.hyper;
  options.compile = compile;
  auto filtered = filterByGradient(spec.cell, options);
  return filtered ? failTrial(TrialStatus::Filtered,
                              fmt::format("{}: {}", nameOf(filtered->filter), filtered->reason))
                  : TrialResult{};
}

} // namespace cellwright
