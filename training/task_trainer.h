// Trains a sequence model on a task and evaluates it. What one gets wrong: a number that is not
// finite is a result here, the model has diverged, and no error.
#pragma once

#include "training/loss.h"
#include "training/optimizers.h"
#include "training/sequence_model.h"
#include "training/task.h"

#include <optional>

namespace cellwright {

struct TaskTrainingOptions {
  std::string_view optimizer = "adam"; // with its own settings
  double learningRate = 1e-3;
  double clipNorm = 1; // of the gradient of the mean loss of a batch; 0: not clipped
  uint64_t seed = 1;   // of the order of examples, and of functions that draw
};

/// Over all steps of a part of a task that count.
struct TaskScore {
  double value = 0; // by the task's metric
  double loss = 0;  // what training makes small: nats, or squared error
};

class TaskTrainer {
public:
  /// Model and task must outlive the trainer. The model's parameters are those to begin with.
  /// Throws Error if the model's inputs or outputs are not the task's.
  TaskTrainer(SequenceModel &model, const Task &task, const TaskTrainingOptions &options);

  /// Forward, backward, clipping and the optimizer on the next batch. Gives the mean loss of its
  /// steps, or nothing if it or the gradient is not finite; the parameters are then as before.
  std::optional<double> update();
  int64_t updates() const { return count; }
  /// Steps of all sequences of the last batch, without what is beyond their ends.
  int64_t rowsOfBatch() const;

  /// Nothing if the model gives a number that is not finite. States of training are untouched.
  std::optional<TaskScore> evaluate(TaskPart part);

private:
  void load(const TaskBatch &batch);
  SeriesView forward(ModelMode mode, const TaskBatch &batch);
  LossResult loss(const SeriesView &output, const SeriesView &adjoint, double adjointScale);

  SequenceModel &model;
  const Task &task;
  TaskTrainingOptions options;
  Optimizer optimizer;
  int64_t count = 0;
  uint32_t stepsDone = 0; // of all batches, for functions that draw
  uint32_t drawSeed = 0;

  // The batch, its rows in the order in which the model takes them.
  Batch rows;
  std::vector<int32_t> inputSymbols, targetSymbols;
  std::vector<uint8_t> counts;
  int64_t countedRows = 0;
  Series inputs, targets, adjoint;
  std::vector<double> scratch;
};

} // namespace cellwright
