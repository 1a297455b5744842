// See tasks.h.
#include "training/tasks/tasks.h"

#include "runtime/error.h"

#include <algorithm>
#include <numeric>

namespace cellwright {

std::span<const TaskRow> taskRows() {
  static const std::vector<TaskRow> kRows = {memorizationRow(), arithmeticRow(), xmlRow(),
                                             addingRow(),       copyRow(),       charactersRow(),
                                             musicRow(),        fileRow()};
  return kRows;
}

/// Copies [T, d] of one example to its place in [T, N, d].
template <typename Number>
static void place(const std::vector<Number> &from, std::vector<Number> &to, int64_t size,
                  int64_t sequence, int64_t sequences) {
  for (size_t at = 0; at < from.size(); at += size)
    std::copy_n(from.begin() + static_cast<int64_t>(at), size,
                to.begin() + (static_cast<int64_t>(at) * sequences + sequence * size));
}

TaskBatch assembleBatch(const TaskForm &form, std::span<const Example *const> examples) {
  TaskBatch batch;
  batch.sequences = static_cast<int64_t>(examples.size());
  for (const Example *example : examples) {
    batch.lengths.push_back(example->steps());
    batch.steps = std::max(batch.steps, example->steps());
  }
  int64_t rows = batch.steps * batch.sequences;
  bool hasInputSymbols = form.inputKind == StepKind::Symbols;
  bool hasTargetSymbols = form.targetKind == StepKind::Symbols;
  batch.counts.resize(rows);
  batch.inputSymbols.resize(hasInputSymbols ? rows : 0);
  batch.inputs.resize(hasInputSymbols ? 0 : rows * form.inputSize);
  batch.targetSymbols.resize(hasTargetSymbols ? rows : 0);
  batch.targets.resize(hasTargetSymbols ? 0 : rows * form.targetSize);
  for (int64_t n = 0; n < batch.sequences; ++n) {
    const Example &example = *examples[n];
    place(example.counts, batch.counts, 1, n, batch.sequences);
    place(example.inputSymbols, batch.inputSymbols, 1, n, batch.sequences);
    place(example.inputs, batch.inputs, form.inputSize, n, batch.sequences);
    place(example.targetSymbols, batch.targetSymbols, 1, n, batch.sequences);
    place(example.targets, batch.targets, form.targetSize, n, batch.sequences);
  }
  return batch;
}

//===-- Drawn ---------------------------------------------------------------------------------===//

/// Evaluation is the same for all seeds of training.
static constexpr uint64_t kEvaluationSeed = 0x7e57;
/// Larger than a batch of training: nothing is kept for a way back.
static constexpr int64_t kEvaluationBatch = 128;

TaskBatch DrawnTask::drawBatch(Random random, int64_t count) const {
  std::vector<Example> examples;
  std::vector<const Example *> pointers;
  examples.reserve(count);
  for (int64_t i = 0; i < count; ++i) {
    examples.push_back(draw(random));
    pointers.push_back(&examples.back());
  }
  return assembleBatch(taskForm, pointers);
}

TaskBatch DrawnTask::trainingBatch(uint64_t seed, int64_t update) const {
  return drawBatch(Random(seed, fmt::format("update {}", update)), sizes.batch);
}

int64_t DrawnTask::batchCount(TaskPart part) const {
  return (part == TaskPart::Quick ? sizes.quick : sizes.evaluation) / kEvaluationBatch;
}

TaskBatch DrawnTask::batch(TaskPart part, int64_t number) const {
  const char *name = part == TaskPart::Test ? "test" : "validation";
  return drawBatch(Random(kEvaluationSeed, fmt::format("{} {}", name, number)), kEvaluationBatch);
}

//===-- Stored --------------------------------------------------------------------------------===//

StoredTask::StoredTask(const TaskForm &form, Parts parts, int64_t batch, const std::string &path)
    : Task(form), parts(std::move(parts)), batchSize(batch) {
  CELLWRIGHT_CHECK(
      !this->parts.training.empty() && !this->parts.validation.empty() && !this->parts.test.empty(),
      "`{}`: {} sequences train, {} validate, {} test; expected one of each at least", path,
      this->parts.training.size(), this->parts.validation.size(), this->parts.test.size());
}

const std::vector<Example> &StoredTask::examplesOf(TaskPart part) const {
  return part == TaskPart::Test ? parts.test : parts.validation;
}

static int64_t batchesOf(int64_t examples, int64_t batch) { return (examples + batch - 1) / batch; }

/// Examples of `order` from a batch's first to its last.
static TaskBatch assemblePart(const TaskForm &form, const std::vector<Example> &examples,
                              const std::vector<int64_t> &order, int64_t batch, int64_t size) {
  std::vector<const Example *> pointers;
  for (int64_t i = batch * size; i < std::min<int64_t>((batch + 1) * size, std::ssize(order)); ++i)
    pointers.push_back(&examples[order[i]]);
  return assembleBatch(form, pointers);
}

static std::vector<int64_t> numbersTo(size_t count) {
  std::vector<int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TaskBatch StoredTask::trainingBatch(uint64_t seed, int64_t update) const {
  int64_t perEpoch = batchesOf(std::ssize(parts.training), batchSize);
  Random random(seed, fmt::format("epoch {}", update / perEpoch));
  std::vector<int64_t> order = numbersTo(parts.training.size());
  // Fisher and Yates' shuffle.
  for (size_t i = order.size() - 1; i > 0; --i)
    std::swap(order[i], order[random.below(i + 1)]);
  return assemblePart(taskForm, parts.training, order, update % perEpoch, batchSize);
}

int64_t StoredTask::batchCount(TaskPart part) const {
  constexpr int64_t kQuick = 2; // batches
  int64_t all = batchesOf(std::ssize(examplesOf(part)), kEvaluationBatch / 4);
  return part == TaskPart::Quick ? std::min(all, kQuick) : all;
}

TaskBatch StoredTask::batch(TaskPart part, int64_t number) const {
  const std::vector<Example> &examples = examplesOf(part);
  return assemblePart(taskForm, examples, numbersTo(examples.size()), number, kEvaluationBatch / 4);
}

} // namespace cellwright
