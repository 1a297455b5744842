// Text from a trained model, symbol by symbol.
#pragma once

#include "training/language_model.h"
#include "training/random.h"
#include "training/text_data.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cellwright {

struct SampleOptions {
  /// Symbols to sample, the priming text not counted.
  int64_t length = 2000;
  /// Divides the logits: below 1 is safer, above 1 wilder; 0 takes the most likely symbol each
  /// time.
  double temperature = 1;
  /// Only the most likely so many symbols are drawn from; 0: all.
  int64_t topK = 0;
  /// The same seed gives the same text.
  uint64_t seed = 1;
  /// What the model has read before the first sampled symbol. Absent: a line break if the model
  /// knows it, else a space, else its first symbol.
  std::optional<std::string> prime = std::nullopt;
};

/// Throws Error if an option is out of its range.
void checkSampleOptions(const SampleOptions &options);

/// Draws one symbol by its logits. Ties for the most likely are broken in favour of the first
/// symbol. Throws Error if a logit is NaN or infinite.
int32_t chooseSymbol(std::span<const float> logits, const SampleOptions &options, Random &random);

/// Called with the bytes of each sampled symbol; false stops.
using SampleSink = std::function<bool(std::string_view symbol)>;

/// Samples a text and gives it to `sink` as it comes, without the priming text. Throws Error that
/// names the characters of the priming text that the model does not know.
void sampleText(LanguageModel &model, const Vocabulary &vocabulary, const SampleOptions &options,
                const SampleSink &sink);

} // namespace cellwright
