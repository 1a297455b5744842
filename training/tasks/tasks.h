// What tasks are made of: drawn examples and stored ones. A task is a file here with the function
// that makes its row, and a line in `taskRows`.
#pragma once

#include "training/random.h"
#include "training/task.h"

#include <array>

namespace cellwright {

/// Puts examples side by side.
TaskBatch assembleBatch(const TaskForm &form, std::span<const Example *const> examples);

/// How many examples a drawn task has.
struct DrawnSizes {
  int64_t batch = 32;        // of an update
  int64_t quick = 256;       // of TaskPart::Quick
  int64_t evaluation = 2048; // of Validation and of Test
};

/// A task without end: examples are drawn.
class DrawnTask : public Task {
public:
  DrawnTask(const TaskForm &form, const DrawnSizes &sizes) : Task(form), sizes(sizes) {}

  TaskBatch trainingBatch(uint64_t seed, int64_t update) const override;
  int64_t batchCount(TaskPart part) const override;
  TaskBatch batch(TaskPart part, int64_t number) const override;

  virtual Example draw(Random &random) const = 0;

private:
  TaskBatch drawBatch(Random random, int64_t count) const;

  DrawnSizes sizes;
};

/// A task whose examples are all there. An epoch of training is all of them in an order that is
/// drawn, the last batch of it smaller.
class StoredTask : public Task {
public:
  struct Parts {
    std::vector<Example> training, validation, test;
  };
  /// Throws Error that names `path`, the examples' file, if a part has no example.
  StoredTask(const TaskForm &form, Parts parts, int64_t batch, const std::string &path);

  TaskBatch trainingBatch(uint64_t seed, int64_t update) const override;
  int64_t batchCount(TaskPart part) const override;
  TaskBatch batch(TaskPart part, int64_t number) const override;

private:
  const std::vector<Example> &examplesOf(TaskPart part) const;

  Parts parts;
  int64_t batchSize;
};

/// The characters of a text as a task.
std::unique_ptr<Task> makeTextTask(const std::string &path, int64_t steps, int64_t batch);

// One row a file.
TaskRow addingRow();
TaskRow arithmeticRow();
TaskRow charactersRow();
TaskRow copyRow();
TaskRow fileRow();
TaskRow memorizationRow();
TaskRow musicRow();
TaskRow xmlRow();

} // namespace cellwright
