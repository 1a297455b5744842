// Music: which of 88 keys sound at the next step.
#include "training/tasks/tasks.h"

#include "runtime/error.h"
#include "runtime/files.h"

#include <algorithm>
#include <sstream>

namespace cellwright {

namespace {

constexpr int64_t kKeys = 88;
constexpr char kFirstKey = '!'; // the next key is the next character, to 'x'
constexpr std::string_view kSilence = "~";

/// The keys of a step as 0 and 1. Throws Error if a character is none.
void addStep(const std::string &keys, const std::string &place, std::vector<float> &rows) {
  size_t first = rows.size();
  rows.resize(first + kKeys);
  if (keys == kSilence)
    return;
  for (char key : keys) {
    CELLWRIGHT_CHECK(key >= kFirstKey && key < kFirstKey + kKeys,
                     "{}: `{}` is no step: its characters are keys, `{}` the lowest, `{}` the "
                     "highest, or it is `{}`",
                     place, keys, kFirstKey, static_cast<char>(kFirstKey + kKeys - 1), kSilence);
    rows[first + static_cast<size_t>(key - kFirstKey)] = 1;
  }
}

/// A piece: at each step the keys of the next one are predicted.
Example makePiece(const std::vector<float> &rows) {
  Example example;
  example.inputs.assign(rows.begin(), rows.end() - kKeys);
  example.targets.assign(rows.begin() + kKeys, rows.end());
  example.counts.assign(rows.size() / kKeys - 1, 1);
  return example;
}

/// A part begins with `train`, `valid` or `test` on a line of its own; then a line is a piece, its
/// steps a blank apart. Before the first part, lines that begin with `#` are comments.
StoredTask::Parts readPieces(const std::string &path) {
  StoredTask::Parts parts;
  std::vector<Example> *part = nullptr;
  std::istringstream text(readFile(path));
  int64_t number = 0;
  for (std::string line; std::getline(text, line);) {
    std::string place = fmt::format("`{}`, line {}", path, ++number);
    bool isComment = !part && line.starts_with('#');
    if (line.empty() || isComment)
      continue;
    if (line == "train" || line == "valid" || line == "test") {
      part = line == "train" ? &parts.training : line == "valid" ? &parts.validation : &parts.test;
      continue;
    }
    CELLWRIGHT_CHECK(part, "{}: expected `train`, `valid` or `test` before the first piece", place);
    std::vector<float> rows;
    std::istringstream steps(line);
    for (std::string keys; steps >> keys;)
      addStep(keys, place, rows);
    CELLWRIGHT_CHECK(std::ssize(rows) >= 2 * kKeys, "{}: a piece has two steps at least", place);
    part->push_back(makePiece(rows));
  }
  return parts;
}

/// Boulanger-Lewandowski et al. 2012, "Modeling temporal dependencies in high-dimensional
/// sequences": the loss of a step is the sum of the binary cross-entropies of all keys. The first
/// step of a piece is not predicted, as in Bai et al. 2018, "An empirical evaluation of generic
/// convolutional and recurrent networks for sequence modeling".
std::unique_ptr<Task> makeMusic(const TaskSettings &settings) {
  return std::make_unique<StoredTask>(
      TaskForm{StepKind::Bits, kKeys, StepKind::Bits, kKeys, Metric::Nats},
      readPieces(settings.path), settings.numbers[0], settings.path);
}

} // namespace

TaskRow musicRow() {
  return {"music",
          "which of 88 keys sound next, in nats per step",
          "Boulanger-Lewandowski et al. 2012",
          {{"batch", "pieces of an update", 16, 1, 100'000}},
          "a file of pieces",
          "data/jsb_chorales.txt",
          makeMusic};
}

} // namespace cellwright
