#include "training/checkpoint.h"

#include "runtime/files.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/training/plain_kernels.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace cellwright;

static Checkpoint sampleCheckpoint(LanguageModel &model, Optimizer &optimizer) {
  Checkpoint checkpoint;
  checkpoint.configuration = {{"cell", "cell plain {\n}\n"}, {"hidden", "10"}};
  checkpoint.vocabulary = Vocabulary::ofText(SymbolUnit::Characters, "abcdef\xc3\xa9", "f");
  checkpoint.options = findTrainPreset("char-rnn").options;
  checkpoint.progress = {7, 7, 0.1, 3, 2.5, 1.0 / 3, 5, 0xfedcba9876543210};
  saveModel(model, checkpoint);
  saveOptimizer(model, optimizer, checkpoint);
  return checkpoint;
}

/// A model after one batch, so that it carries states, and its optimizer after one update.
struct Trained {
  Trained() {
    model.initialize(3);
    std::vector<int32_t> symbols = {0, 1, 2, 3, 4, 5};
    model.trainBatch(symbols, symbols, 2, {});
    optimizer.update(model.trainedValues(), model.gradients(), 0.1, threads);
    model.paramsChanged();
  }
  ThreadPool threads{1};
  LanguageModel model{plainKernels(), plainKernels(), threads};
  Optimizer optimizer{findOptimizer("adam"), findOptimizer("adam").defaults,
                      static_cast<int64_t>(model.trainedValues().size())};
};

TEST_CASE("a checkpoint is read as it was written") {
  Trained trained;
  Checkpoint checkpoint = sampleCheckpoint(trained.model, trained.optimizer);
  TemporaryFolder folder;
  writeCheckpoint(folder / "c", checkpoint);
  Checkpoint read = readCheckpoint(folder / "c");
  CHECK(read.configuration == checkpoint.configuration);
  CHECK(read.vocabulary == checkpoint.vocabulary);
  CHECK(read.options == checkpoint.options);
  CHECK(read.progress.updates == 7);
  CHECK(read.progress.lossSum == 0.1);
  CHECK(read.progress.bestLoss == 1.0 / 3);
  CHECK(read.progress.textDigest == 0xfedcba9876543210);
  CHECK(formatCheckpoint(read) == readFile(folder / "c"));
}

TEST_CASE("a model and its optimizer come back from a checkpoint bit for bit") {
  Trained trained, other;
  other.model.initialize(99);
  Checkpoint checkpoint = sampleCheckpoint(trained.model, trained.optimizer);
  loadParams(checkpoint, other.model);
  loadStates(checkpoint, other.model);
  loadOptimizer(checkpoint, other.model, other.optimizer);
  CHECK(std::ranges::equal(trained.model.values(), other.model.values()));
  CHECK(trained.model.states()[0].values == other.model.states()[0].values);
  for (int slot : {0, 1})
    CHECK(std::ranges::equal(trained.optimizer.slot(slot), other.optimizer.slot(slot)));
  CHECK(other.optimizer.steps() == 1);
}

TEST_CASE("a checkpoint of another model is refused") {
  Trained trained;
  const Checkpoint good = sampleCheckpoint(trained.model, trained.optimizer);
  auto problemWith = [&](auto change) {
    Checkpoint checkpoint = good;
    change(checkpoint);
    return errorOf([&] {
      loadParams(checkpoint, trained.model);
      loadStates(checkpoint, trained.model);
      loadOptimizer(checkpoint, trained.model, trained.optimizer);
    });
  };
  auto named = [](Checkpoint &checkpoint, const std::string &name) {
    return std::ranges::find(checkpoint.tensors, name, &Tensor::name);
  };
  CHECK(problemWith([](Checkpoint &) {}).empty());
  CHECK(problemWith([&](Checkpoint &c) { c.tensors.erase(named(c, "param.decoder.b_y")); }) ==
        "the checkpoint lacks `param.decoder.b_y`");
  CHECK(problemWith([&](Checkpoint &c) {
          c.tensors.push_back(makeTensor("param.x", {1}, std::vector<float>{1}));
        }) == "the checkpoint has 6 parameters, the model has 5");
  CHECK(problemWith([&](Checkpoint &c) {
          named(c, "param.decoder.b_y")->shape = {1, 7};
        }) == "the checkpoint's `param.decoder.b_y` has shape [1, 7], the model's has [7]");
  CHECK(problemWith([&](Checkpoint &c) {
          c.tensors.erase(named(c, "optimizer.square.layer0.b_h"));
        }) == "the checkpoint lacks `optimizer.square.layer0.b_h`");
  CHECK(problemWith([&](Checkpoint &c) { named(c, "state.layer0.h")->name = "state.layer0.c"; }) ==
        "the state `layer0.h` is missing");
  CHECK(problemWith([&](Checkpoint &c) {
          c.vocabulary = Vocabulary(SymbolUnit::Bytes, {1, 2});
        }) == "the checkpoint has 2 symbols, the model has 7");
}

TEST_CASE("what is no checkpoint is refused with the reason") {
  Trained trained;
  auto problemWith = [&](const std::string &key, const std::string &value) {
    TensorFile file =
        parseTensors(formatCheckpoint(sampleCheckpoint(trained.model, trained.optimizer)), "c");
    if (value.empty())
      file.metadata.erase(key);
    else
      file.metadata[key] = value;
    return errorOf([&] { parseCheckpoint(formatTensors(file), "c"); });
  };
  CHECK(problemWith("format", "") == "`c` is no checkpoint: its metadata has no format");
  CHECK(problemWith("format", "x") ==
        "`c` has the format `x`, expected `cellwright language model 1`");
  CHECK(problemWith("vocabulary", "") == "`c`: the checkpoint lacks its vocabulary");
  CHECK(problemWith("vocabulary", "{").find("the checkpoint's vocabulary cannot be read") !=
        std::string::npos);
  CHECK(problemWith("vocabulary", R"({"kind":"bytes","symbols":[2,1]})") ==
        "`c`: the checkpoint's vocabulary cannot be used: symbol 1 does not follow 2");
  CHECK(problemWith("vocabulary", R"({"kind":"bytes","symbols":[256]})") ==
        "`c`: the checkpoint's vocabulary cannot be used: 256 is no symbol");
  CHECK(problemWith("vocabulary", R"({"kind":"words","symbols":[1]})") ==
        "`c`: the checkpoint's vocabulary cannot be used: it has the unknown kind `words`");
  CHECK(problemWith("vocabulary", R"({"kind":"bytes","symbols":[]})") ==
        "`c`: the checkpoint's vocabulary cannot be used: it has no symbols");
  CHECK(problemWith("options", R"({"epochs":-3})") ==
        "`c`: the checkpoint's options cannot be used: epochs: expected an integer from 0 to "
        "1000000000, got -3");
  CHECK(problemWith("progress", R"({"updates":-1})") ==
        "`c`: the checkpoint's progress cannot be used: updates is -1, expected a count");
  CHECK(problemWith("progress", "{}").find("the checkpoint's progress cannot be read") !=
        std::string::npos);
}

TEST_CASE("mutated checkpoints never do worse than an error") {
  Trained trained;
  const std::string valid = formatCheckpoint(sampleCheckpoint(trained.model, trained.optimizer));
  // Where the metadata stands.
  const size_t header = valid.find("__metadata__") + 2000;
  Random random(5, "mutations");
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = valid;
    for (int edit = 0; edit < 2; ++edit)
      bytes[static_cast<size_t>(random.uniform() * static_cast<double>(header))] =
          static_cast<char>(' ' + random.next() % 95);
    try {
      Checkpoint checkpoint = parseCheckpoint(bytes, "c");
      loadParams(checkpoint, trained.model);
      loadStates(checkpoint, trained.model);
      loadOptimizer(checkpoint, trained.model, trained.optimizer);
    } catch (const Error &) {
    }
  }
}
