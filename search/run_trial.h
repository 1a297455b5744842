// Runs a trial: compiles a cell in a model for a task, trains it and evaluates it.
#pragma once

#include "codegen/compile.h"
#include "search/model_stack.h"
#include "search/trial.h"
#include "training/task.h"

#include <functional>

namespace cellwright {

struct TrialOptions {
  CompileOptions compile; // target and cache
  int threads = 1;
  /// Ends the trial before its first update if its gradient vanishes or explodes.
  bool looksAtGradient = false;
  /// Told each value on the way; false stops the trial, whose quality is then evaluated.
  std::function<bool(const TrialValue &)> onValue = {};
  /// Told after each update how many are done.
  std::function<void(int64_t update)> onUpdate = {};
};

/// The model that a trial trains: its layers between the task's inputs and targets.
StackDescription describeModel(const std::string &cell, const TaskForm &form,
                               const HyperParameters &hyper);

/// The largest hidden size with which such a model has at most so many parameters, whatever
/// `hyper.hidden` is; nothing if there is none. Throws Error if the cell is wrong.
std::optional<int64_t> fitModel(const std::string &cell, const TaskForm &form,
                                const HyperParameters &hyper, int64_t mostParams);

/// Runs a trial on a task that is there already. A cell that does not check or does not take the
/// sizes is a result, BadCell. Throws Error for hyperparameters out of range.
TrialResult runTrial(const TrialSpec &spec, const Task &task, const TrialOptions &options);
/// Makes the task first. Throws Error also if there is no such task.
TrialResult runTrial(const TrialSpec &spec, const TrialOptions &options);

} // namespace cellwright
