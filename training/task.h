// Tasks to compare cells on: what a step's input and target are, batches to train with, batches to
// evaluate with, and what predicting the same at every step scores. What one gets wrong: a batch is
// a function of its number and, in training, a seed; every model that is trained with the same seed
// sees the same examples.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// What the numbers of a step are.
enum class StepKind : uint8_t {
  Symbols, // one number of a symbol
  Bits,    // a vector of 0 and 1
  Reals,   // a vector
};

/// What a model is scored by, over the steps that count.
enum class Metric : uint8_t {
  Accuracy,     // part of steps whose likeliest symbol is the target
  Nats,         // -log of the probability of the target; of bits the sum over them
  SquaredError, // sum of squares of a step's deviations
};

struct MetricInfo {
  Metric metric;
  std::string_view name; // of a column: `accuracy`
  std::string_view help;
  bool isHigherBetter;

  bool isBetter(double a, double b) const { return isHigherBetter ? a > b : a < b; }
};
const MetricInfo &infoOf(Metric metric);

/// What models of a task have in common.
struct TaskForm {
  StepKind inputKind = StepKind::Symbols;
  int64_t inputSize = 0; // of vectors, or number of symbols
  StepKind targetKind = StepKind::Symbols;
  int64_t targetSize = 0;
  Metric metric = Metric::Accuracy;
};

/// One sequence of a task. Of the two arrays of inputs one is used, and of those of targets.
struct Example {
  std::vector<int32_t> inputSymbols;  // [T]
  std::vector<float> inputs;          // [T, inputSize]
  std::vector<int32_t> targetSymbols; // [T]; where a step does not count: 0
  std::vector<float> targets;         // [T, targetSize]
  std::vector<uint8_t> counts;        // [T]: 0: what is said at this step does not matter

  int64_t steps() const { return static_cast<int64_t>(counts.size()); }
};

/// Sequences side by side, step-major, as the arrays of an example; 0 beyond a sequence's end.
struct TaskBatch {
  int64_t steps = 0, sequences = 0;
  std::vector<int64_t> lengths;       // [N]
  std::vector<int32_t> inputSymbols;  // [T, N]
  std::vector<float> inputs;          // [T, N, inputSize]
  std::vector<int32_t> targetSymbols; // [T, N]
  std::vector<float> targets;         // [T, N, targetSize]
  std::vector<uint8_t> counts;        // [T, N]
  bool isContinued = false;           // the states go on where those of the batch before ended
};

/// What a model is evaluated on: Quick is the beginning of Validation, for a first look; what is
/// chosen by Validation is reported by Test.
enum class TaskPart : uint8_t { Quick, Validation, Test };

class Task {
public:
  explicit Task(const TaskForm &form) : taskForm(form) {}
  virtual ~Task() = default;

  const TaskForm &form() const { return taskForm; }
  const MetricInfo &metric() const { return infoOf(taskForm.metric); }

  /// The batch of an update, which counts from 0. Updates come in order.
  virtual TaskBatch trainingBatch(uint64_t seed, int64_t update) const = 0;
  /// Batches to evaluate with, in order.
  virtual int64_t batchCount(TaskPart part) const = 0;
  virtual TaskBatch batch(TaskPart part, int64_t number) const = 0;

  /// What somebody scores who has learned nothing from the inputs: the best constant prediction, if
  /// the task does not say otherwise.
  virtual double chance(TaskPart part) const;

protected:
  TaskForm taskForm;
};

/// What the best prediction scores that is the same for all steps that count: the most frequent
/// symbol, the frequency of each symbol or bit, or the mean.
double constantScore(const Task &task, TaskPart part);

//===-- The table -----------------------------------------------------------------------------===//

/// A whole number that a task can be told.
struct TaskOption {
  std::string_view name;
  std::string_view help;
  int64_t value; // default
  int64_t least, most;
};

/// The values of a row's options, in its order, and its path.
struct TaskSettings {
  std::vector<int64_t> numbers;
  std::string path;
};

struct TaskRow {
  std::string_view name;
  std::string_view help;   // what is to be learned
  std::string_view source; // the paper
  std::vector<TaskOption> options;
  std::string_view pathHelp; // of the option `path`; empty: the task reads no file
  std::string_view path;     // its default; empty: required
  std::unique_ptr<Task> (*make)(const TaskSettings &settings);
};

/// All tasks, one for each file of training/tasks.
std::span<const TaskRow> taskRows();

/// A task from what the command line and the store call it: `adding`, `adding:steps=200,batch=20`,
/// `characters:path=my.txt`. A path is last and takes what is left. Throws Error that says what
/// there is, and if a file cannot be read or is none of the task's.
std::unique_ptr<Task> makeTask(std::string_view description);
/// The file that such a task reads; empty if it reads none. Throws Error for a wrong description.
std::string pathOfTask(std::string_view description);
/// The description with the absolute path of that file, so that it is the same task in every
/// folder.
std::string withAbsolutePath(std::string_view description);

} // namespace cellwright
