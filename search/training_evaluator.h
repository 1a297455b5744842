// What a worker process does with a trial.
#pragma once

#include "codegen/compile.h"
#include "search/evaluator.h"

namespace cellwright {

/// Trains the trial and evaluates it on its task, with one thread.
class TrainingEvaluator : public Evaluator {
public:
  /// With `looksAtGradient` a gradient that vanishes or explodes at the first values is the result.
  TrainingEvaluator(CompileOptions compile, bool looksAtGradient)
      : compile(std::move(compile)), looksAtGradient(looksAtGradient) {}

  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;

private:
  CompileOptions compile;
  bool looksAtGradient;
};

} // namespace cellwright
