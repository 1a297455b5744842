// See sampler.h.
#include "training/sampler.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace cellwright {

void checkSampleOptions(const SampleOptions &options) {
  CELLWRIGHT_CHECK(options.length >= 0, "length is {}, expected at least 0", options.length);
  CELLWRIGHT_CHECK(options.temperature >= 0 && std::isfinite(options.temperature),
                   "temperature is {}, expected at least 0", options.temperature);
  CELLWRIGHT_CHECK(options.topK >= 0, "top-k is {}, expected at least 0", options.topK);
}

/// The symbols to draw from: all, or the most likely ones.
static std::vector<int32_t> candidates(std::span<const float> logits, int64_t topK) {
  std::vector<int32_t> symbols(logits.size());
  std::iota(symbols.begin(), symbols.end(), 0);
  if (topK == 0 || topK >= static_cast<int64_t>(symbols.size()))
    return symbols;
  std::partial_sort(symbols.begin(), symbols.begin() + topK, symbols.end(),
                    [&](int32_t a, int32_t b) {
                      return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
                    });
  symbols.resize(static_cast<size_t>(topK));
  return symbols;
}

int32_t chooseSymbol(std::span<const float> logits, const SampleOptions &options, Random &random) {
  for (float logit : logits)
    CELLWRIGHT_CHECK(std::isfinite(logit), "the model gives {}: its parameters are not usable",
                     logit);
  auto greatest = std::max_element(logits.begin(), logits.end());
  if (options.temperature == 0)
    return static_cast<int32_t>(greatest - logits.begin());
  std::vector<int32_t> symbols = candidates(logits, options.topK);
  std::vector<double> sums;
  double sum = 0;
  for (int32_t symbol : symbols)
    sums.push_back(
        sum += std::exp((static_cast<double>(logits[symbol]) - *greatest) / options.temperature));
  double point = random.uniform() * sum;
  auto chosen = std::upper_bound(sums.begin(), sums.end(), point);
  return symbols[std::min<size_t>(chosen - sums.begin(), symbols.size() - 1)];
}

/// Symbols that the model reads before it writes; at least one.
static std::vector<int32_t> primingSymbols(const Vocabulary &vocabulary,
                                           const std::optional<std::string> &prime) {
  if (prime) {
    CELLWRIGHT_CHECK(!prime->empty(), "the priming text is empty, expected at least one symbol");
    return vocabulary.encode(*prime, "priming text");
  }
  for (uint32_t symbol : {'\n', ' '})
    if (int32_t number = vocabulary.find(symbol); number >= 0)
      return {number};
  return {0};
}

void sampleText(LanguageModel &model, const Vocabulary &vocabulary, const SampleOptions &options,
                const SampleSink &sink) {
  checkSampleOptions(options);
  CELLWRIGHT_CHECK(vocabulary.size() == model.vocabularySize(), "{} symbols for a model of {}",
                   vocabulary.size(), model.vocabularySize());
  std::vector<float> logits(vocabulary.size());
  Random random(options.seed, "sample");
  model.restart();
  for (int32_t symbol : primingSymbols(vocabulary, options.prime))
    model.step(symbol, logits);
  for (int64_t i = 0; i < options.length; ++i) {
    int32_t symbol = chooseSymbol(logits, options, random);
    if (!sink(vocabulary.decode(symbol)))
      break;
    if (i + 1 < options.length)
      model.step(symbol, logits);
  }
  model.restart();
}

} // namespace cellwright
