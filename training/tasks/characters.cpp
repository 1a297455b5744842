// Characters: a text's next character; states are carried from batch to batch, as `train lm` does.
#include "training/tasks/tasks.h"

#include "runtime/error.h"
#include "training/text_data.h"

namespace cellwright {

namespace {

/// The text is divided as `train lm` does with `split streams`: nine tenths train, a twentieth
/// validates, a twentieth tests.
class Characters : public Task {
public:
  Characters(const std::string &path, int64_t steps, int64_t batch) : Task({}) {
    std::string text = readText(path);
    Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, text, path,
                                               "a task's text is characters; save it as UTF-8");
    symbols = vocabulary.encode(text, path);
    constexpr int64_t kLeastBatches = 20; // a twentieth of them is one
    int64_t least = kLeastBatches * batch * steps;
    CELLWRIGHT_CHECK(
        std::ssize(symbols) >= least,
        "`{}`: expected {} characters at least, {} updates of {} sequences of {} steps "
        "that train, validate and test, found {}; use a smaller `batch` or `steps`",
        path, least, kLeastBatches, batch, steps, symbols.size());
    split = splitText(symbols, {SplitKind::Streams, 0.9, 0.05, batch, steps});
    taskForm = {StepKind::Symbols, vocabulary.size(), StepKind::Symbols, vocabulary.size(),
                Metric::Nats};
  }

  TaskBatch trainingBatch(uint64_t, int64_t update) const override {
    return load(split.train, update % split.train.count());
  }
  int64_t batchCount(TaskPart part) const override {
    constexpr int64_t kQuick = 8;
    int64_t all = batchesOf(part).count();
    return part == TaskPart::Quick ? std::min(all, kQuick) : all;
  }
  TaskBatch batch(TaskPart part, int64_t number) const override {
    return load(batchesOf(part), number);
  }

private:
  const Batches &batchesOf(TaskPart part) const {
    return part == TaskPart::Test ? split.test : split.validation;
  }

  static TaskBatch load(const Batches &batches, int64_t number) {
    TaskBatch batch;
    batch.steps = batches.load(number, batch.inputSymbols, batch.targetSymbols);
    batch.sequences = batches.streams;
    batch.lengths.assign(batch.sequences, batch.steps);
    batch.counts.assign(batch.inputSymbols.size(), 1);
    batch.isContinued = number > 0;
    return batch;
  }

  std::vector<int32_t> symbols;
  SplitText split; // views `symbols`
};

} // namespace

std::unique_ptr<Task> makeTextTask(const std::string &path, int64_t steps, int64_t batch) {
  return std::make_unique<Characters>(path, steps, batch);
}

TaskRow charactersRow() {
  return {"characters",
          "the next character of a text, in nats per character",
          "Sutskever et al. 2011; Karpathy 2015, char-rnn",
          {{"steps", "of an update; states are carried", 64, 1, 100'000},
           {"batch", "streams of the text side by side", 32, 1, 100'000}},
          "a text",
          "data/tinyshakespeare.txt",
          [](const TaskSettings &settings) {
            return makeTextTask(settings.path, settings.numbers[0], settings.numbers[1]);
          }};
}

} // namespace cellwright
