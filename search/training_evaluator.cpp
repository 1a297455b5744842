// See training_evaluator.h.
#include "search/training_evaluator.h"

#include "search/run_trial.h"

namespace cellwright {

TrialResult TrainingEvaluator::evaluate(const TrialSpec &spec, TrialObserver &observer) {
  TrialOptions options;
  options.compile = compile;
  options.looksAtGradient = looksAtGradient;
  options.onValue = [&](const TrialValue &value) {
    observer.addValue(value);
    return !observer.shouldStop();
  };
  return runTrial(spec, options);
}

} // namespace cellwright
