// What a worker process does with a trial: trains it, or only looks at its gradient.
#pragma once

#include "codegen/compile.h"
#include "search/evaluator.h"

namespace cellwright {

/// Trains the trial and evaluates it on its task, with one thread.
class TrainingEvaluator : public Evaluator {
public:
  explicit TrainingEvaluator(CompileOptions compile) : compile(std::move(compile)) {}

  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;

private:
  CompileOptions compile;
};

/// Compiles the trial's cell and applies `filterByGradient`: the result is Done, or Filtered with
/// the name of the filter in front of the reason.
class GradientEvaluator : public Evaluator {
public:
  explicit GradientEvaluator(CompileOptions compile) : compile(std::move(compile)) {}

  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;

private:
  CompileOptions compile;
};

} // namespace cellwright
