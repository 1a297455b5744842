// See run_trial.h.
#include "search/run_trial.h"

#include "runtime/clock.h"
#include "runtime/error.h"
#include "search/gradient_flow.h"
#include "training/task_trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

void checkSpec(const TrialSpec &spec) {
  const HyperParameters &hyper = spec.hyper;
  CELLWRIGHT_CHECK(std::isfinite(hyper.learningRate) && hyper.learningRate > 0,
                   "the learning rate of a trial is {}, expected a number above 0",
                   hyper.learningRate);
  CELLWRIGHT_CHECK(std::isfinite(hyper.initScale) && hyper.initScale > 0,
                   "the scale of a trial's first values is {}, expected a number above 0",
                   hyper.initScale);
  CELLWRIGHT_CHECK(std::isfinite(hyper.clipNorm) && hyper.clipNorm >= 0,
                   "the norm to which a trial clips is {}, expected 0 or a number above it",
                   hyper.clipNorm);
  CELLWRIGHT_CHECK(hyper.layers >= 1 && hyper.hidden >= 1,
                   "a trial has {} layers of {}, expected 1 of 1 at least", hyper.layers,
                   hyper.hidden);
  CELLWRIGHT_CHECK(spec.updates >= 1 && spec.evaluations >= 1,
                   "a trial has {} updates and {} evaluations, expected 1 at least", spec.updates,
                   spec.evaluations);
}

/// A model in training.
class TrialRun {
public:
  TrialRun(const TrialSpec &spec, const Task &task, const TrialOptions &options)
      : spec(spec), task(task), options(options) {}

  TrialResult run();

private:
  bool hasGoodGradient(const CompiledStack &compiled);
  void train(SequenceModel &model);
  bool update(TaskTrainer &trainer, std::vector<double> &stepSeconds);
  bool addValue(TaskTrainer &trainer);
  void finish(TaskTrainer &trainer);
  void diverge(std::string reason);

  const TrialSpec &spec;
  const Task &task;
  const TrialOptions &options;
  TrialResult result;
};

void TrialRun::diverge(std::string reason) {
  result.status = TrialStatus::Diverged;
  result.reason = std::move(reason);
}

bool TrialRun::update(TaskTrainer &trainer, std::vector<double> &stepSeconds) {
  auto begin = Clock::now();
  if (!trainer.update()) {
    diverge(fmt::format("the loss or its gradient is no finite number in update {}",
                        trainer.updates() + 1));
    return false;
  }
  stepSeconds.push_back(secondsSince(begin) / static_cast<double>(trainer.rowsOfBatch()));
  result.updates = trainer.updates();
  if (options.onUpdate)
    options.onUpdate(result.updates);
  return true;
}

/// False if the trial ends here.
bool TrialRun::addValue(TaskTrainer &trainer) {
  auto score = trainer.evaluate(TaskPart::Quick);
  if (!score) {
    diverge(fmt::format("an output is no finite number after update {}", trainer.updates()));
    return false;
  }
  result.curve.push_back({trainer.updates(), score->value});
  if (!options.onValue || options.onValue(result.curve.back()))
    return true;
  result.status = TrialStatus::Stopped;
  result.reason = fmt::format("stopped after update {}", trainer.updates());
  return false;
}

void TrialRun::finish(TaskTrainer &trainer) {
  auto validation = trainer.evaluate(TaskPart::Validation);
  auto test = spec.isTested ? trainer.evaluate(TaskPart::Test) : TaskScore{};
  if (!validation || !test)
    return diverge("an output is no finite number at the end");
  result.quality = validation->value;
  result.testQuality = test->value;
}

/// Looks at the first layer, which the gradient reaches last.
bool TrialRun::hasGoodGradient(const CompiledStack &compiled) {
  const cellwright_kernel &kernel = *compiled.training()->layers.front().cell;
  auto verdict = judgeFlow(measureGradientFlow(kernel, spec.seed, spec.hyper.initScale));
  if (verdict) {
    result.status = verdict->status;
    result.reason = verdict->reason;
  }
  return !verdict;
}

void TrialRun::train(SequenceModel &model) {
  TaskTrainingOptions training;
  training.optimizer = spec.hyper.optimizer;
  training.learningRate = spec.hyper.learningRate;
  training.clipNorm = spec.hyper.clipNorm;
  training.seed = spec.seed;
  TaskTrainer trainer(model, task, training);
  std::vector<double> stepSeconds;
  while (trainer.updates() < spec.updates && update(trainer, stepSeconds))
    if (isEvaluationDue(spec, trainer.updates()) && !addValue(trainer))
      break;
  if (!stepSeconds.empty()) {
    auto middle = stepSeconds.begin() + std::ssize(stepSeconds) / 2;
    std::nth_element(stepSeconds.begin(), middle, stepSeconds.end());
    result.stepSeconds = *middle;
  }
  if (result.hasQuality())
    finish(trainer);
}

TrialResult TrialRun::run() {
  auto begin = Clock::now();
  std::optional<ModelStack> stack;
  try {
    stack.emplace(describeModel(spec.cell, task.form(), spec.hyper));
  } catch (const Error &problem) {
    result.status = TrialStatus::BadCell;
    result.reason = problem.what();
    return result;
  }
  CompiledStack compiled(*stack, {.compile = options.compile});
  ThreadPool threads(options.threads);
  SequenceModel model(compiled.evaluation(), compiled.training(), threads);
  result.compileSeconds = secondsSince(begin);
  result.parameters = model.paramCount();
  result.flopsPerStep = compiled.flopsPerStep();
  model.initialize(spec.seed, spec.hyper.initScale);
  if (!options.looksAtGradient || hasGoodGradient(compiled))
    train(model);
  result.seconds = secondsSince(begin);
  return result;
}

} // namespace

StackDescription describeModel(const std::string &cell, const TaskForm &form,
                               const HyperParameters &hyper) {
  StackDescription description;
  description.cells.assign(hyper.layers, cell);
  description.takesSymbols = form.inputKind == StepKind::Symbols;
  description.inputSize = form.inputSize;
  description.outputSize = form.targetSize;
  description.hidden = hyper.hidden;
  description.embedsIfNeeded = true;
  description.isCanonical = true;
  return description;
}

std::optional<int64_t> fitModel(const std::string &cell, const TaskForm &form,
                                const HyperParameters &hyper, int64_t mostParams) {
  constexpr int64_t kDividesWell = 240; // a size to begin with that most cells take
  StackDescription description = describeModel(cell, form, hyper);
  description.hidden = kDividesWell;
  ModelStack stack(description);
  try {
    stack.setHidden(hyper.hidden);
  } catch (const Error &) {
    // A cell that does not take it has sizes that depend on it, so that another one is found.
  }
  return fitHidden(stack, mostParams);
}

TrialResult runTrial(const TrialSpec &spec, const Task &task, const TrialOptions &options) {
  checkSpec(spec);
  return TrialRun(spec, task, options).run();
}

TrialResult runTrial(const TrialSpec &spec, const TrialOptions &options) {
  return runTrial(spec, *makeTask(spec.task), options);
}

} // namespace cellwright
