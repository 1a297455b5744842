// Text as symbols, and symbols as batches. What one gets wrong: a batch is not a stretch of text
// but the next steps of every stream, so that states carried from batch to batch belong to the text
// that stands before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

//===-- Symbols -------------------------------------------------------------------------------===//

enum class SymbolUnit : uint8_t {
  Characters, // UTF-8 code points
  Bytes,
};

/// The way out for a text that is not UTF-8 where a model is trained or was.
inline constexpr std::string_view kBytesAdvice =
    "a model that is trained with `--symbols bytes` takes any bytes";

/// Reads UTF-8 strictly: no overlong forms, no surrogates. Throws Error that names `source`, the
/// offset and the way out, which is to take bytes as symbols.
std::vector<uint32_t> decodeUtf8(std::string_view text, std::string_view source);
std::string encodeUtf8(uint32_t codePoint);
/// A character for messages: 'x', or U+000A where it cannot be printed.
std::string describeCharacter(uint32_t codePoint);

/// Reads a text file. Throws Error if it cannot be read or is more than memory can hold.
std::string readText(const std::string &path);

/// The symbols that a model knows, numbered by rising code point or byte.
class Vocabulary {
public:
  /// Precondition: `symbols` rises strictly.
  Vocabulary(SymbolUnit unit, std::vector<uint32_t> symbols);
  /// The symbols that occur in a text. `source` is its name in messages. Throws Error if it is
  /// empty or not valid UTF-8, which ends in the advice.
  static Vocabulary ofText(SymbolUnit unit, std::string_view text, std::string_view source,
                           std::string_view advice = kBytesAdvice);
  /// The symbols of both.
  static Vocabulary merge(const Vocabulary &a, const Vocabulary &b);

  SymbolUnit unit() const { return symbolUnit; }
  int64_t size() const { return static_cast<int64_t>(symbols.size()); }
  /// Code points or bytes, rising.
  std::span<const uint32_t> all() const { return symbols; }
  /// Number of a code point or byte, or -1.
  int32_t find(uint32_t symbol) const { return symbol < numbers.size() ? numbers[symbol] : -1; }

  /// Numbers of a text's symbols. Throws Error that names all unknown symbols (at most 20), with
  /// the line and column of the first in `source`.
  std::vector<int32_t> encode(std::string_view text, std::string_view source) const;
  /// The bytes of a symbol.
  std::string decode(int32_t number) const;

  bool operator==(const Vocabulary &other) const {
    return symbolUnit == other.symbolUnit && symbols == other.symbols;
  }

private:
  SymbolUnit symbolUnit;
  std::vector<uint32_t> symbols;
  std::vector<int32_t> numbers; // by symbol
};

//===-- Batches -------------------------------------------------------------------------------===//

/// A text cut into streams that are read side by side. Batch k is the steps k * steps to (k + 1) *
/// steps - 1 of each stream, the last batch what is left; the target of a symbol is the one that
/// follows it in `symbols`, after the last one the first.
struct Batches {
  std::span<const int32_t> symbols; // somebody else's
  int64_t streams = 0;              // sequences of a batch
  int64_t steps = 0;                // of a batch
  int64_t streamLength = 0;         // from a stream's begin to the next one's
  int64_t first = 0;                // step of each stream with which the first batch begins
  int64_t length = 0;               // steps of each stream

  int64_t count() const { return steps == 0 ? 0 : (length + steps - 1) / steps; }
  /// Symbols of all batches.
  int64_t symbolCount() const { return streams * length; }
  /// Fills inputs and targets, step-major [steps, streams], and returns the number of steps.
  int64_t load(int64_t batch, std::vector<int32_t> &inputs, std::vector<int32_t> &targets) const;
};

enum class SplitKind : uint8_t {
  Streams, // the end of each stream, as char-rnn
  Text,    // the end of the text
};

struct SplitSettings {
  SplitKind kind = SplitKind::Streams;
  double train = 0.95;
  double validation = 0.05; // what is left of 1 is for testing
  int64_t streams = 50;
  int64_t steps = 50;
};

/// One text in its parts; parts may be empty.
struct SplitText {
  Batches train, validation, test;
};

/// Divides a text, which must stay.
///
/// Streams (char-rnn's util/CharSplitLMMinibatchLoader.lua): the text is cut to the largest
/// multiple of streams * steps, the rest is not used. It is laid out as `streams` rows, and batch k
/// is columns k * steps to (k + 1) * steps - 1 of all rows. The first floor(train * batches)
/// batches train; if nothing is left for testing, the others validate, else the next
/// floor(validation * batches). Targets are the text shifted by one, the last target is the first
/// symbol of the cut text. So tinyshakespeare with 50 x 50 has 446 batches, of which 423 train and
/// 23 validate.
///
/// Text: the first floor(train * length) symbols train, the others validate, or the next
/// floor(validation * length), and the rest tests; each part is batched as `makeTrainBatches` and
/// `makeEvalBatches` do.
///
/// Throws Error if fractions are not in [0, 1], their sum is above 1 or the text is too short for
/// one batch.
SplitText splitText(std::span<const int32_t> symbols, const SplitSettings &settings);

/// A whole text for training: `streams` rows of equal length, a multiple of `steps`; what is left
/// at the text's end is not used. Throws Error if the text is too short for one batch.
Batches makeTrainBatches(std::span<const int32_t> symbols, int64_t streams, int64_t steps);

/// A whole text for evaluation: fewer streams if it is short, and a shorter last batch, so that
/// fewer than `streams` symbols remain. With one stream each symbol but the first is predicted from
/// all before it. Throws Error if the text has fewer than two symbols.
Batches makeEvalBatches(std::span<const int32_t> symbols, int64_t streams, int64_t steps);

/// FNV-1a over the symbols that train and those that validate: runs over different texts differ in
/// it.
uint64_t digestOf(const Batches &train, const Batches &validation);

} // namespace cellwright
