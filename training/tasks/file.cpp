// A task of the user's own: a text, or tensors with inputs and targets.
#include "training/tasks/tasks.h"

#include "runtime/error.h"
#include "training/safetensors.h"

#include "fmt/ranges.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace cellwright {

namespace {

/// The tensors of a file, and what they say.
class TensorReader {
public:
  TensorReader(const std::string &path) : path(path), file(readTensors(path)) {}

  std::unique_ptr<Task> makeTask(int64_t batch);

private:
  const Tensor &require(std::string_view name) const;
  void checkNames() const;
  void readSizes();
  void readKinds();
  void readTargetShape(const Tensor &tensor);
  Example makeExample(int64_t sequence) const;
  void readLengths();
  void readCounts();
  int64_t partOf(int64_t sequence) const;
  int64_t readSymbols(const Tensor &tensor, std::vector<int32_t> &symbols) const;

  std::string path;
  TensorFile file;
  TaskForm form;
  int64_t steps = 0, sequences = 0;
  bool hasOneTarget = false; // of a sequence, at its end
  std::vector<int32_t> inputSymbols, targetSymbols;
  std::vector<float> inputs, targets;
  std::vector<int64_t> lengths, parts;
  std::vector<double> counts; // empty: all
};

const Tensor &TensorReader::require(std::string_view name) const {
  const Tensor *tensor = file.find(name);
  CELLWRIGHT_CHECK(tensor, "`{}` has no tensor `{}`; a task needs `inputs` and `targets`", path,
                   name);
  return *tensor;
}

/// Throws unless a tensor has the shape that is written.
void checkTensorShape(const std::string &path, const Tensor &tensor,
                      const std::vector<int64_t> &shape) {
  CELLWRIGHT_CHECK(tensor.shape == shape, "`{}`: `{}` has shape {}, expected {}", path, tensor.name,
                   formatShape(tensor.shape), formatShape(shape));
}

/// Booleans are bits: what they say stands in a column of its own, as numbers do.
bool hasSymbols(const Tensor &tensor) {
  return isIntegerType(tensor.type) && tensor.type != TensorType::Bool;
}

StepKind kindOf(const Tensor &tensor) {
  if (hasSymbols(tensor))
    return StepKind::Symbols;
  return tensor.type == TensorType::Bool ? StepKind::Bits : StepKind::Reals;
}

/// T and N are those of the inputs: symbols [T, N], numbers or bits [T, N, d].
void TensorReader::readSizes() {
  const Tensor &tensor = require("inputs");
  size_t rank = hasSymbols(tensor) ? 2 : 3;
  CELLWRIGHT_CHECK(
      tensor.shape.size() == rank && tensor.elements() > 0,
      "`{}`: `inputs` has shape {}, expected [T, N] of integers, which are symbols, or "
      "[T, N, d] of numbers or booleans",
      path, formatShape(tensor.shape));
  steps = tensor.shape[0];
  sequences = tensor.shape[1];
}

/// The symbols of a tensor; gives how many different ones there may be.
int64_t TensorReader::readSymbols(const Tensor &tensor, std::vector<int32_t> &symbols) const {
  constexpr int64_t kMostSymbols = 1'000'000;
  int64_t count = 0;
  for (int64_t number : toIntegers(tensor)) {
    CELLWRIGHT_CHECK(number >= 0 && number < kMostSymbols,
                     "`{}`: `{}` has a symbol {}, expected 0 to {}", path, tensor.name, number,
                     kMostSymbols - 1);
    symbols.push_back(static_cast<int32_t>(number));
    count = std::max(count, number + 1);
  }
  return count;
}

static std::vector<float> readNumbers(const std::string &path, const Tensor &tensor) {
  std::vector<float> numbers = toFloats(tensor);
  for (float number : numbers) {
    CELLWRIGHT_CHECK(std::isfinite(number), "`{}`: `{}` has a number that is {}", path, tensor.name,
                     number);
    CELLWRIGHT_CHECK(tensor.type != TensorType::Bool || number == 0 || number == 1,
                     "`{}`: `{}` has a boolean that is {}, expected 0 or 1", path, tensor.name,
                     number);
  }
  return numbers;
}

/// Whether there is a target a step or one a sequence. [T, N] of numbers or bits is neither, but if
/// T is N, when it is [N, d].
void TensorReader::readTargetShape(const Tensor &tensor) {
  std::vector<int64_t> shape = tensor.shape;
  size_t rank = 1; // of one target a sequence
  const char *column = "";
  if (!hasSymbols(tensor)) {
    rank = 2;
    column = ", d";
    if (shape.size() >= 2)
      shape.pop_back();
  }
  hasOneTarget = tensor.shape.size() == rank && shape == std::vector{sequences};
  bool isOfSteps = tensor.shape.size() == rank + 1 && shape == std::vector{steps, sequences};
  CELLWRIGHT_CHECK(hasOneTarget || isOfSteps,
                   "`{}`: `targets` has shape {}, expected [{}, {}{}], for each step, or [{}{}], "
                   "for each sequence's end{}",
                   path, formatShape(tensor.shape), steps, sequences, column, sequences, column,
                   hasSymbols(tensor) ? "" : "; d is 1 for one number or bit");
}

void TensorReader::readKinds() {
  const Tensor &in = require("inputs"), &out = require("targets");
  form.inputKind = kindOf(in);
  form.targetKind = kindOf(out);
  if (hasSymbols(in)) {
    form.inputSize = readSymbols(in, inputSymbols);
  } else {
    form.inputSize = in.shape[2];
    inputs = readNumbers(path, in);
  }
  readTargetShape(out);
  if (hasSymbols(out)) {
    form.metric = Metric::Accuracy;
    form.targetSize = readSymbols(out, targetSymbols);
  } else {
    form.metric = form.targetKind == StepKind::Bits ? Metric::Nats : Metric::SquaredError;
    form.targetSize = out.shape.back();
    targets = readNumbers(path, out);
  }
  CELLWRIGHT_CHECK(form.targetSize > 0, "`{}`: `targets` is empty", path);
}

void TensorReader::readLengths() {
  lengths.assign(sequences, steps);
  if (const Tensor *tensor = file.find("lengths")) {
    checkTensorShape(path, *tensor, {sequences});
    lengths = toIntegers(*tensor);
  }
  for (int64_t length : lengths)
    CELLWRIGHT_CHECK(length >= 1 && length <= steps, "`{}`: `lengths` has {}, expected 1 to {}",
                     path, length, steps);
  if (const Tensor *tensor = file.find("part")) {
    checkTensorShape(path, *tensor, {sequences});
    parts = toIntegers(*tensor);
  }
  for (int64_t part : parts)
    CELLWRIGHT_CHECK(part >= 0 && part <= 2,
                     "`{}`: `part` has {}, expected 0 (trains), 1 (validates) or 2 (tests)", path,
                     part);
}

void TensorReader::readCounts() {
  const Tensor *tensor = file.find("counts");
  if (!tensor)
    return;
  CELLWRIGHT_CHECK(!hasOneTarget,
                   "`{}`: `counts` has no meaning where a sequence has one target, at its end",
                   path);
  checkTensorShape(path, *tensor, {steps, sequences});
  counts = toDoubles(*tensor);
  for (double count : counts)
    CELLWRIGHT_CHECK(std::isfinite(count),
                     "`{}`: `counts` has a number that is {}, expected 0 or another number", path,
                     count);
}

/// Without `part` eight of ten sequences train, one validates, one tests.
int64_t TensorReader::partOf(int64_t sequence) const {
  if (!parts.empty())
    return parts[sequence];
  return sequence % 10 < 8 ? 0 : sequence % 10 - 7;
}

Example TensorReader::makeExample(int64_t sequence) const {
  Example example;
  auto addRow = [](const std::vector<float> &from, int64_t row, int64_t size,
                   std::vector<float> &to) {
    to.insert(to.end(), from.begin() + row * size, from.begin() + (row + 1) * size);
  };
  for (int64_t step = 0; step < lengths[sequence]; ++step) {
    int64_t row = step * sequences + sequence;
    int64_t target = hasOneTarget ? sequence : row;
    if (form.inputKind == StepKind::Symbols)
      example.inputSymbols.push_back(inputSymbols[row]);
    else
      addRow(inputs, row, form.inputSize, example.inputs);
    if (form.targetKind == StepKind::Symbols)
      example.targetSymbols.push_back(targetSymbols[target]);
    else
      addRow(targets, target, form.targetSize, example.targets);
    bool isCounted =
        hasOneTarget ? step + 1 == lengths[sequence] : counts.empty() || counts[row] != 0;
    example.counts.push_back(isCounted);
  }
  // A batch may be this one sequence, and the mean of nothing is no loss.
  CELLWRIGHT_CHECK(std::count(example.counts.begin(), example.counts.end(), 1) > 0,
                   "`{}`: `counts` has 0 for all steps of sequence {}; leave that sequence out",
                   path, sequence);
  return example;
}

void TensorReader::checkNames() const {
  static constexpr std::string_view kNames[] = {"inputs", "targets", "lengths", "counts", "part"};
  for (const Tensor &tensor : file.tensors)
    CELLWRIGHT_CHECK(std::find(std::begin(kNames), std::end(kNames), tensor.name) !=
                         std::end(kNames),
                     "`{}` has a tensor `{}`, which a task does not know; expected {}", path,
                     tensor.name, fmt::join(kNames, ", "));
}

std::unique_ptr<Task> TensorReader::makeTask(int64_t batch) {
  checkNames();
  readSizes();
  readKinds();
  readLengths();
  readCounts();
  StoredTask::Parts examples;
  for (int64_t sequence = 0; sequence < sequences; ++sequence) {
    int64_t part = partOf(sequence);
    std::vector<Example> &to = part == 0   ? examples.training
                               : part == 1 ? examples.validation
                                           : examples.test;
    to.push_back(makeExample(sequence));
  }
  return std::make_unique<StoredTask>(form, std::move(examples), batch, path);
}

std::unique_ptr<Task> makeFileTask(const TaskSettings &settings) {
  int64_t batch = settings.numbers[0], steps = settings.numbers[1];
  if (settings.path.ends_with(".safetensors"))
    return TensorReader(settings.path).makeTask(batch);
  return makeTextTask(settings.path, steps, batch);
}

} // namespace

TaskRow fileRow() {
  return {"file",
          "your own: the next character of a text, or the targets of a .safetensors file",
          "",
          {{"batch", "sequences of an update", 32, 1, 100'000},
           {"steps", "of an update, of a text", 64, 1, 100'000}},
          "a text, or a .safetensors file with `inputs` and `targets`",
          "",
          makeFileTask};
}

} // namespace cellwright
