#include "training/language_model.h"

#include "tests/support/error_text.h"
#include "tests/training/plain_kernels.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

using namespace cellwright;

namespace {

/// Symbols without a pattern.
std::vector<int32_t> randomSymbols(int64_t count, const char *name = "symbols") {
  Random random(1, name);
  std::vector<int32_t> symbols(count);
  for (int32_t &symbol : symbols)
    symbol = static_cast<int32_t>(random.uniform() * kPlainSymbols);
  return symbols;
}

/// The plain model's mean loss over [steps, sequences], in double, from the definition. `states`,
/// [sequences, H], are carried.
double plainLoss(LanguageModel &model, std::span<const int32_t> inputs,
                 std::span<const int32_t> targets, int64_t sequences, std::vector<double> &states) {
  auto value = [&](const char *name) {
    for (const ModelParam &param : model.params())
      if (param.name == name)
        return model.valuesOf(param).data();
    FAIL("no parameter " << name);
    return static_cast<float *>(nullptr);
  };
  const float *Wx = value("layer0.W_h_x"), *Wh = value("layer0.W_h_h"), *b = value("layer0.b_h");
  const float *Wy = value("decoder.W_y_h"), *c = value("decoder.b_y");
  double loss = 0;
  for (size_t row = 0; row < inputs.size(); ++row) {
    double *h = &states[(row % sequences) * kPlainHidden];
    std::vector<double> next(kPlainHidden), y(kPlainSymbols);
    for (int i = 0; i < kPlainHidden; ++i) {
      double z = b[i] + Wx[i * kPlainSymbols + inputs[row]];
      for (int j = 0; j < kPlainHidden; ++j)
        z += Wh[i * kPlainHidden + j] * h[j];
      next[i] = std::tanh(z);
    }
    std::copy(next.begin(), next.end(), h);
    double sum = 0;
    for (int i = 0; i < kPlainSymbols; ++i) {
      y[i] = c[i];
      for (int j = 0; j < kPlainHidden; ++j)
        y[i] += Wy[i * kPlainHidden + j] * h[j];
      sum += std::exp(y[i]);
    }
    loss += std::log(sum) - y[targets[row]];
  }
  return loss / static_cast<double>(inputs.size());
}

} // namespace

TEST_CASE("parameters have names and places, trained ones at multiples of 16") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  std::vector<std::string> names;
  for (const ModelParam &param : model.params()) {
    names.push_back(param.name);
    CHECK(param.offset % 16 == 0);
  }
  CHECK(names == std::vector<std::string>{"layer0.W_h_x", "layer0.W_h_h", "layer0.b_h",
                                          "decoder.W_y_h", "decoder.b_y"});
  CHECK(model.vocabularySize() == 7);
  CHECK(model.paramCount() == 70 + 100 + 10 + 70 + 7);
  CHECK(model.params()[2].shape() == std::vector<int64_t>{10});
  CHECK(model.gradients().size() == model.trainedValues().size());
}

TEST_CASE("the loss is that of the definition, batch after batch with carried states") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  constexpr int64_t kSequences = 5, kSteps = 4;
  std::vector<double> states(kSequences * kPlainHidden);
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<int32_t> inputs = randomSymbols(kSequences * kSteps, "inputs"),
                         targets = randomSymbols(kSequences * kSteps);
    double loss = model.trainBatch(inputs, targets, kSequences, {});
    CHECK(loss ==
          doctest::Approx(plainLoss(model, inputs, targets, kSequences, states)).epsilon(1e-5));
  }
  // From zeros again.
  model.clearStates();
  std::fill(states.begin(), states.end(), 0.0);
  std::vector<int32_t> inputs = randomSymbols(10), targets = randomSymbols(10, "targets");
  double loss = model.trainBatch(inputs, targets, 2, {});
  CHECK(loss == doctest::Approx(plainLoss(model, inputs, targets, 2, states)).epsilon(1e-5));
}

TEST_CASE("the gradient of the whole model equals differences of the definition") {
  ThreadPool threads(2);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  constexpr int64_t kSequences = 3, kSteps = 6;
  std::vector<int32_t> inputs = randomSymbols(kSequences * kSteps, "inputs"),
                       targets = randomSymbols(kSequences * kSteps);
  // The second batch: its states are constants for the gradient.
  std::vector<double> carried(kSequences * kPlainHidden);
  plainLoss(model, inputs, targets, kSequences, carried);
  model.trainBatch(inputs, targets, kSequences, {});
  model.trainBatch(inputs, targets, kSequences, {.gradientScale = 2});
  std::vector<float> gradients(model.gradients().begin(), model.gradients().end());
  auto lossAt = [&] {
    std::vector<double> states = carried;
    return plainLoss(model, inputs, targets, kSequences, states);
  };
  double worst = 0, largest = 0;
  for (const ModelParam &param : model.params())
    for (int64_t i = param.offset; i < param.offset + param.size; ++i) {
      float &value = model.values()[i];
      float before = value;
      value = before + 1e-3f;
      double above = value, lossAbove = lossAt();
      value = before - 1e-3f;
      double difference = (lossAbove - lossAt()) / (above - value);
      value = before;
      worst = std::max(worst, std::abs(2 * difference - gradients[i]));
      largest = std::max<double>(largest, std::abs(gradients[i]));
    }
  // Differences in double err by the square of the step, the float gradient by some ULP.
  CHECK(largest > 0.01);
  CHECK(worst < 1e-5 * largest + 2e-6);
}

TEST_CASE("one and two threads give the same bits") {
  std::vector<float> gradients[2];
  double losses[2];
  for (int run = 0; run < 2; ++run) {
    ThreadPool threads(run + 1);
    LanguageModel model(plainKernels(), plainKernels(), threads);
    model.initialize(3);
    losses[run] =
        model.trainBatch(randomSymbols(21 * 13, "inputs"), randomSymbols(21 * 13), 21, {});
    gradients[run].assign(model.gradients().begin(), model.gradients().end());
  }
  CHECK(losses[0] == losses[1]);
  CHECK(gradients[0] == gradients[1]);
}

TEST_CASE("evaluation carries states over its batches and leaves those of training alone") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads),
      other(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  other.initialize(3);
  std::vector<int32_t> text = randomSymbols(103);
  Batches batches = makeEvalBatches(text, 3, 7);
  double loss = model.evaluate(batches);
  // One batch over all steps is the same as many.
  CHECK(loss == doctest::Approx(model.evaluate(makeEvalBatches(text, 3, 100))).epsilon(1e-6));
  CHECK(loss == model.evaluate(batches));

  std::vector<int32_t> inputs = randomSymbols(12, "inputs"), targets = randomSymbols(12);
  model.trainBatch(inputs, targets, 3, {});
  other.trainBatch(inputs, targets, 3, {});
  model.evaluate(batches);
  CHECK(model.trainBatch(inputs, targets, 3, {}) == other.trainBatch(inputs, targets, 3, {}));
}

TEST_CASE("evaluation tells its progress and stops when asked to") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), std::nullopt, threads);
  model.initialize(3);
  std::vector<int32_t> text = randomSymbols(101);
  Batches batches = makeEvalBatches(text, 2, 10);
  std::vector<int64_t> seen;
  model.evaluate(batches, [&](int64_t done, int64_t all) {
    CHECK(all == 5);
    seen.push_back(done);
    return done < 2;
  });
  CHECK(seen == std::vector<int64_t>{1, 2});
}

TEST_CASE("steps of sampling give the logits of evaluation") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), std::nullopt, threads);
  model.initialize(3);
  std::vector<int32_t> text = randomSymbols(20);
  double sum = 0;
  model.restart();
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    std::vector<float> logits(kPlainSymbols);
    model.step(text[i], logits);
    double powers = 0;
    for (float logit : logits)
      powers += std::exp(logit);
    sum += std::log(powers) - logits[text[i + 1]];
  }
  CHECK(sum / 19 == doctest::Approx(model.evaluate(makeEvalBatches(text, 1, 50))).epsilon(1e-6));
}

TEST_CASE("training goes on from states that were taken out") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads),
      other(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  other.initialize(3);
  std::vector<int32_t> inputs = randomSymbols(12, "inputs"), targets = randomSymbols(12);
  CHECK(model.states().empty());
  model.trainBatch(inputs, targets, 3, {});
  std::vector<ModelState> states = model.states();
  REQUIRE(states.size() == 1);
  CHECK(states[0].name == "layer0.h");
  CHECK(states[0].sequences == 3);
  CHECK(states[0].size == kPlainHidden);
  other.setStates(states);
  CHECK(model.trainBatch(inputs, targets, 3, {}) == other.trainBatch(inputs, targets, 3, {}));
  CHECK(model.states()[0].values == other.states()[0].values);

  states[0].name = "layer1.h";
  CHECK(errorOf([&] { other.setStates(states); }) == "the state `layer0.h` is missing");
  states[0].name = "layer0.h";
  states[0].size = 9;
  CHECK(errorOf([&] { other.setStates(states); }) ==
        "the state `layer0.h` has shape [3, 9], expected [3, 10]");
}

TEST_CASE("a loss that is not finite is returned and computes no gradients") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  model.values()[0] = std::nanf("");
  model.paramsChanged();
  std::fill(model.gradients().begin(), model.gradients().end(), 7.0f);
  std::vector<int32_t> zeros(6);
  CHECK(std::isnan(model.trainBatch(zeros, zeros, 2, {})));
  CHECK(model.gradients()[0] == 7.0f);
}

TEST_CASE("changed values are seen after paramsChanged") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  std::vector<int32_t> inputs = randomSymbols(6, "inputs"), targets = randomSymbols(6);
  double first = model.trainBatch(inputs, targets, 2, {});
  for (float &value : model.values())
    value *= 2;
  model.paramsChanged();
  model.clearStates();
  CHECK(model.trainBatch(inputs, targets, 2, {}) != first);
}

TEST_CASE("kernels that do not fit are refused") {
  ThreadPool threads(1);
  auto problem = [&](const SequenceModelKernels &kernels) {
    return errorOf([&] { LanguageModel model(kernels, std::nullopt, threads); });
  };
  SequenceModelKernels kernels = plainKernels();
  kernels.decoder = nullptr;
  CHECK(problem(kernels) == "decoder has no cell");
  kernels = plainKernels();
  kernels.layers.push_back(kernels.layers[0]);
  CHECK(problem(kernels) == "layer1: `plain` takes indices, expected vectors");
  kernels = plainKernels();
  kernels.layers[0].direction = Direction::Reversed;
  CHECK(problem(kernels) == "layer0 runs backwards; a model reads from the first step to the last");
  kernels = plainKernels();
  kernels.embedding = kernels.layers[0].cell;
  CHECK(problem(kernels) == "embedding: `plain` has a state, expected a cell without one");
  cellwright_kernel wide = *plainKernels().decoder;
  wide.type = CELLWRIGHT_F64;
  kernels = plainKernels();
  kernels.decoder = &wide;
  CHECK(problem(kernels) == "decoder: `decoder` was compiled for F64, training takes F32");
  wide = *plainKernels().decoder;
  wide.output_size = 6;
  CHECK(problem(kernels) == "the decoder gives 6 logits, the layer0 takes 7 symbols");
}

TEST_CASE("bad symbols and batches are refused") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), plainKernels(), threads);
  model.initialize(3);
  auto problem = [&](std::vector<int32_t> inputs, std::vector<int32_t> targets, int64_t sequences) {
    return errorOf([&] { model.trainBatch(inputs, targets, sequences, {}); });
  };
  CHECK(problem({0, 7}, {0, 0}, 2) == "`plain`: input `x`: index 7 at step 0, expected 0 to 6");
  CHECK(problem({0, 0}, {0, -1}, 2) == "row 1: target -1, expected 0 to 6");
  CHECK(problem({0, 0, 0}, {0, 0, 0}, 2) ==
        "3 symbols are no whole number of steps of 2 sequences");
  CHECK(problem({0, 0}, {0}, 2) == "2 inputs, 1 targets");
  model.clearStates();
  CHECK(problem({0, 0}, {0, 0}, 2).empty());
  CHECK(problem({0, 0, 0}, {0, 0, 0}, 3) ==
        "the states carried from the batch before are of 2 sequences, this one has 3");
  LanguageModel sampler(plainKernels(), std::nullopt, threads);
  CHECK(errorOf([&] {
          sampler.trainBatch(std::vector<int32_t>{0}, std::vector<int32_t>{0}, 1, {});
        }) == "the model was made without kernels for training");
}
