// Training with real cells: what the hand-written kernels of language_model_test.cpp cannot show.
#include "runtime/files.h"
#include "tests/support/shipped_cells.h"
#include "tests/support/temporary_folder.h"
#include "tests/training/compiled_models.h"
#include "tests/training/sample_text.h"
#include "training/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

TrainOptions smallOptions() {
  TrainOptions options;
  options.batchSize = 6;
  options.seqLength = 10;
  options.epochs = 2;
  options.learningRate = 0.02;
  return options;
}

struct Setup {
  Setup(const CompiledModel &compiled, const TrainOptions &options, int threadCount = 1)
      : threads(threadCount), model(compiled.evaluation(), compiled.training(), threads) {
    symbols = vocabulary.encode(text, "text");
    split = splitText(symbols, splitSettingsOf(options));
    model.initialize(static_cast<uint64_t>(options.seed));
    trainer = std::make_unique<Trainer>(model, vocabulary, split.train, split.validation, options);
  }

  std::string text = sampleTextOf(400);
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, text, "text");
  std::vector<int32_t> symbols;
  SplitText split;
  ThreadPool threads;
  LanguageModel model;
  std::unique_ptr<Trainer> trainer;
};

} // namespace

TEST_CASE("every shipped cell trains") {
  for (const std::string &cell : test::shippedCells()) {
    CAPTURE(cell);
    CompiledModel compiled({.cells = {cell}, .hasEmbedding = true});
    Setup setup(compiled, smallOptions());
    double before = setup.model.evaluate(setup.split.validation);
    TrainResult result = setup.trainer->run({});
    CHECK(before > 1.7); // log(7) is 1.95
    // Cells that are steps of a differential equation move slowly.
    CHECK(*result.validationLoss < before - 0.05);
  }
}

TEST_CASE("the gradient of each parameter of a deep model equals the difference along it") {
  for (const CompiledModel::Settings &settings :
       {CompiledModel::Settings{.cells = {"lstm", "gru"}},
        CompiledModel::Settings{.cells = {"lstm_projection", "mut1"}, .hasEmbedding = true}}) {
    CAPTURE(settings.cells[0]);
    CompiledModel compiled(settings);
    Setup setup(compiled, smallOptions());
    std::vector<int32_t> inputs, targets;
    setup.split.train.load(0, inputs, targets);
    auto lossNow = [&] {
      setup.model.paramsChanged();
      setup.model.clearStates();
      return setup.model.trainBatch(inputs, targets, 6, {});
    };
    lossNow();
    const std::vector<float> gradients(setup.model.gradients().begin(),
                                       setup.model.gradients().end());
    for (const ModelParam &param : setup.model.params()) {
      CAPTURE(param.name);
      std::span<const float> gradient = std::span(gradients).subspan(param.offset, param.size);
      std::span<float> values = setup.model.valuesOf(param);
      double norm =
          std::sqrt(std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0));
      REQUIRE(norm > 1e-6);
      const std::vector<float> before(values.begin(), values.end());
      constexpr double kStep = 0.02;
      auto lossAt = [&](double step) {
        for (size_t i = 0; i < values.size(); ++i)
          values[i] = before[i] + static_cast<float>(step * gradient[i] / norm);
        return lossNow();
      };
      double slope = (lossAt(kStep) - lossAt(-kStep)) / (2 * kStep);
      std::copy(before.begin(), before.end(), values.begin());
      // Float losses of about 2 nats err by some 1e-7 times their sums' lengths, over twice the
      // step.
      CHECK(slope == doctest::Approx(norm).epsilon(0.01).scale(1e-2));
    }
  }
}

TEST_CASE("a stopped and resumed run of cells that draw ends with the same bytes") {
  CompiledModel compiled({.cells = {"zoneout_lstm", "lstm"}, .hasDropout = true});
  TemporaryFolder folder;
  Setup whole(compiled, smallOptions());
  whole.trainer->run({folder / "whole", "", ""});
  Setup first(compiled, smallOptions());
  int64_t left = 31;
  first.trainer->run({folder / "parts", "", ""}, {{}, [&] { return left-- == 0; }});
  Setup second(compiled, smallOptions(), 2);
  second.trainer->restore(readCheckpoint(folder / "parts"));
  second.trainer->run({folder / "parts", "", ""});
  CHECK(readFile(folder / "parts") == readFile(folder / "whole"));
}

TEST_CASE("functions that draw do so in training only, and anew in each batch") {
  CompiledModel compiled({.cells = {"lstm"}, .hasDropout = true});
  Setup setup(compiled, smallOptions());
  CHECK(setup.model.evaluate(setup.split.validation) ==
        setup.model.evaluate(setup.split.validation));
  std::vector<int32_t> inputs, targets;
  setup.split.train.load(0, inputs, targets);
  auto lossOf = [&](const BatchOptions &options) {
    setup.model.clearStates();
    return setup.model.trainBatch(inputs, targets, 6, options);
  };
  double loss = lossOf({.firstStep = 0, .seed = 1});
  CHECK(lossOf({.firstStep = 0, .seed = 1}) == loss);
  CHECK(lossOf({.firstStep = 10, .seed = 1}) != loss);
  CHECK(lossOf({.firstStep = 0, .seed = 2}) != loss);
}

TEST_CASE("one and two threads end with the same bytes, whatever the rows") {
  CompiledModel compiled({.cells = {"lstm", "mut2"}});
  for (int64_t batchSize : {1, 7, 50}) {
    CAPTURE(batchSize);
    TrainOptions options = smallOptions();
    options.batchSize = batchSize;
    options.maxUpdates = 8;
    options.trainFraction = 1;
    options.validationFraction = 0;
    TemporaryFolder folder;
    Setup(compiled, options, 1).trainer->run({folder / "one", "", ""});
    Setup(compiled, options, 2).trainer->run({folder / "two", "", ""});
    CHECK(readFile(folder / "one") == readFile(folder / "two"));
  }
}
