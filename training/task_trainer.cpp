// See task_trainer.h.
#include "training/task_trainer.h"

#include "runtime/error.h"
#include "training/clipping.h"
#include "training/random.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

static void checkForm(const SequenceModel &model, const TaskForm &form) {
  bool hasSymbols = form.inputKind == StepKind::Symbols;
  CELLWRIGHT_CHECK(model.takesIndices() == hasSymbols, "the task gives {}, the model takes {}",
                   hasSymbols ? "symbols" : "vectors",
                   model.takesIndices() ? "symbols" : "vectors");
  CELLWRIGHT_CHECK(model.inputSize() == form.inputSize && model.outputSize() == form.targetSize,
                   "the model is of {} inputs and {} outputs, the task of {} and {}",
                   model.inputSize(), model.outputSize(), form.inputSize, form.targetSize);
}

TaskTrainer::TaskTrainer(SequenceModel &model, const Task &task, const TaskTrainingOptions &options)
    : model(model), task(task), options(options),
      optimizer(findOptimizer(options.optimizer), findOptimizer(options.optimizer).defaults,
                static_cast<int64_t>(model.trainedValues().size())),
      drawSeed(static_cast<uint32_t>(Random(options.seed, "training").next())) {
  checkForm(model, task.form());
}

/// Copies [T, N] into the order of the batch's rows; 0 beyond a sequence's end.
template <typename Number>
static void arrange(const std::vector<Number> &from, const Batch &batch, std::vector<Number> &to) {
  to.assign(from.size(), 0);
  for (int64_t step = 0; step < batch.steps; ++step)
    for (int64_t row = 0; row < batch.activeRows(step); ++row)
      to[step * batch.sequences + row] = from[step * batch.sequences + batch.caller(row)];
}

void TaskTrainer::load(const TaskBatch &batch) {
  const TaskForm &form = task.form();
  rows = makeBatch(batch.steps, batch.sequences, batch.lengths);
  int64_t all = batch.steps * batch.sequences;
  arrange(batch.counts, rows, counts);
  countedRows = std::count(counts.begin(), counts.end(), 1);
  auto fill = [&](StepKind kind, int64_t size, const std::vector<int32_t> &symbols,
                  const std::vector<float> &numbers, std::vector<int32_t> &arranged,
                  Series &series) {
    if (kind == StepKind::Symbols)
      return arrange(symbols, rows, arranged);
    series.resize(model.format(), all, size);
    readSteps(numbers.data(), rows, series.view());
  };
  fill(form.inputKind, form.inputSize, batch.inputSymbols, batch.inputs, inputSymbols, inputs);
  fill(form.targetKind, form.targetSize, batch.targetSymbols, batch.targets, targetSymbols,
       targets);
}

int64_t TaskTrainer::rowsOfBatch() const {
  int64_t count = 0;
  for (int64_t row = 0; row < rows.sequences; ++row)
    count += rows.length(row);
  return count;
}

SeriesView TaskTrainer::forward(ModelMode mode, const TaskBatch &batch) {
  load(batch);
  if (!batch.isContinued)
    model.restart(mode);
  bool hasSymbols = task.form().inputKind == StepKind::Symbols;
  return model.forward(
      mode, {rows, hasSymbols ? indexSeries(inputSymbols, model.format()) : inputs.view(),
             stepsDone, drawSeed});
}

LossResult TaskTrainer::loss(const SeriesView &output, const SeriesView &adjoint,
                             double adjointScale) {
  switch (task.form().targetKind) {
  case StepKind::Symbols:
    return softmaxCrossEntropy(output, targetSymbols, adjoint, adjointScale, model.threads(),
                               scratch, counts);
  case StepKind::Bits:
    return binaryCrossEntropy(output, targets.view(), adjoint, adjointScale, model.threads(),
                              scratch, counts);
  case StepKind::Reals:
    return squaredError(output, targets.view(), adjoint, adjointScale, model.threads(), scratch,
                        counts);
  }
  return {};
}

std::optional<double> TaskTrainer::update() {
  TaskBatch batch = task.trainingBatch(options.seed, count);
  SeriesView output = forward(ModelMode::Training, batch);
  adjoint.resize(output.format, output.rows, output.columns);
  // A batch in which no step counts has no gradient.
  double scale = 1 / static_cast<double>(std::max<int64_t>(countedRows, 1));
  LossResult result = loss(output, adjoint.view(), scale);
  if (!std::isfinite(result.mean))
    return std::nullopt;
  model.backward(adjoint.view());
  double norm = globalNorm(model.gradients(), model.threads());
  if (!std::isfinite(norm))
    return std::nullopt;
  if (options.clipNorm > 0)
    clipByNorm(model.gradients(), norm, options.clipNorm);
  optimizer.update(model.trainedValues(), model.gradients(), options.learningRate, model.threads());
  model.paramsChanged();
  ++count;
  stepsDone += static_cast<uint32_t>(batch.steps);
  return result.mean;
}

std::optional<TaskScore> TaskTrainer::evaluate(TaskPart part) {
  double lossSum = 0, hits = 0, steps = 0;
  bool isAccuracy = task.form().metric == Metric::Accuracy;
  for (int64_t number = 0; number < task.batchCount(part); ++number) {
    SeriesView output = forward(ModelMode::Evaluation, task.batch(part, number));
    LossResult result = loss(output, {}, 0);
    lossSum += result.mean * static_cast<double>(result.rows);
    steps += static_cast<double>(result.rows);
    if (isAccuracy)
      hits += static_cast<double>(countHits(output, targetSymbols, counts));
  }
  model.restart(ModelMode::Evaluation);
  if (!std::isfinite(lossSum))
    return std::nullopt;
  TaskScore score;
  score.loss = lossSum / std::max(steps, 1.0);
  score.value = isAccuracy ? hits / std::max(steps, 1.0) : score.loss;
  return score;
}

} // namespace cellwright
