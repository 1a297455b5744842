#include "training/sampler.h"

#include "tests/support/error_text.h"
#include "tests/training/plain_kernels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace cellwright;

/// How often each symbol is chosen.
static std::vector<double> frequencies(const std::vector<float> &logits,
                                       const SampleOptions &options) {
  constexpr int kDraws = 100'000;
  Random random(1, "draws");
  std::vector<double> counts(logits.size());
  for (int i = 0; i < kDraws; ++i)
    counts[chooseSymbol(logits, options, random)] += 1.0 / kDraws;
  return counts;
}

// 5 standard deviations of a frequency of 100,000 draws.
static constexpr double kTolerance = 5 * 0.5 / 316;

TEST_CASE("symbols are drawn by their softmax") {
  std::vector<double> counts = frequencies({0, std::log(2.0f), std::log(5.0f), -100}, {});
  CHECK(std::abs(counts[0] - 0.125) < kTolerance);
  CHECK(std::abs(counts[1] - 0.25) < kTolerance);
  CHECK(std::abs(counts[2] - 0.625) < kTolerance);
  CHECK(counts[3] == 0);
}

TEST_CASE("the temperature divides the logits") {
  std::vector<double> counts = frequencies({0, std::log(2.0f)}, {.temperature = 0.5});
  CHECK(std::abs(counts[1] - 0.8) < kTolerance);
  counts = frequencies({0, std::log(9.0f)}, {.temperature = 2});
  CHECK(std::abs(counts[1] - 0.75) < kTolerance);
}

TEST_CASE("temperature 0 takes the first of the most likely symbols") {
  Random random(1, "draws");
  CHECK(chooseSymbol(std::vector<float>{1, 3, 3, 2}, {.temperature = 0}, random) == 1);
}

TEST_CASE("top-k draws from the most likely symbols only") {
  std::vector<double> counts = frequencies({0, 1, std::log(3.0f), 1, std::log(6.0f)}, {.topK = 2});
  CHECK(std::abs(counts[2] - 1.0 / 3) < kTolerance);
  CHECK(std::abs(counts[4] - 2.0 / 3) < kTolerance);
  // Of equal ones the first.
  CHECK(frequencies({1, 2, 2, 2}, {.topK = 1})[1] == doctest::Approx(1));
  // More than there are: all.
  CHECK(std::abs(frequencies({0, 0}, {.topK = 5})[0] - 0.5) < kTolerance);
}

TEST_CASE("huge logits are drawn from, and what is not finite is refused") {
  Random random(1, "draws");
  CHECK(chooseSymbol(std::vector<float>{3e38f, -3e38f}, {}, random) == 0);
  CHECK(chooseSymbol(std::vector<float>{0, 1}, {.temperature = 1e-300}, random) == 1);
  CHECK(errorOf([&] {
          chooseSymbol(std::vector<float>{0, std::nanf("")}, {}, random);
        }) == "the model gives nan: its parameters are not usable");
}

TEST_CASE("a seed gives a text, and another seed another") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), std::nullopt, threads);
  model.initialize(3);
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, "abcde\n\xc3\xa9", "f");
  auto sample = [&](const SampleOptions &options) {
    std::string text;
    sampleText(model, vocabulary, options, [&](std::string_view symbol) {
      text += symbol;
      return true;
    });
    return text;
  };
  std::string first = sample({.length = 50});
  CHECK(decodeUtf8(first, "sample").size() == 50);
  CHECK(sample({.length = 50}) == first);
  CHECK(sample({.length = 50, .seed = 2}) != first);
  CHECK(sample({.length = 50, .prime = "\n"}) == first);
  CHECK(sample({.length = 50, .prime = "abc"}) != first);
  CHECK(sample({.length = 0}).empty());
}

TEST_CASE("the most likely text follows from the logits of each step") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), std::nullopt, threads);
  model.initialize(3);
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, "abcdefg", "f");
  std::string text;
  sampleText(model, vocabulary, {.length = 10, .temperature = 0, .prime = "ag"},
             [&](std::string_view symbol) {
               text += symbol;
               return text.size() < 8;
             });
  CHECK(text.size() == 8);
  std::string all = "ag" + text;
  std::vector<float> logits(7);
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    model.step(all[i] - 'a', logits);
    if (i > 0)
      CHECK(std::max_element(logits.begin(), logits.end()) - logits.begin() == all[i + 1] - 'a');
  }
}

TEST_CASE("bad options and priming texts are refused") {
  ThreadPool threads(1);
  LanguageModel model(plainKernels(), std::nullopt, threads);
  model.initialize(3);
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, "abcdefg", "f");
  auto problem = [&](const SampleOptions &options) {
    return errorOf(
        [&] { sampleText(model, vocabulary, options, [](std::string_view) { return true; }); });
  };
  CHECK(problem({.prime = "a1b!"}) == "priming text:1:2: the model does not know '!', '1': its "
                                      "training text had 7 symbols without them");
  CHECK(problem({.prime = ""}) == "the priming text is empty, expected at least one symbol");
  CHECK(problem({.temperature = -1}) == "temperature is -1, expected at least 0");
  CHECK(problem({.temperature = std::numeric_limits<double>::infinity()}) ==
        "temperature is inf, expected at least 0");
  CHECK(problem({.topK = -1}) == "top-k is -1, expected at least 0");
  CHECK(problem({.length = -1}) == "length is -1, expected at least 0");
}
