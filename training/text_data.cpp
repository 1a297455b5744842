// See text_data.h.
#include "training/text_data.h"

#include "runtime/error.h"
#include "runtime/files.h"
#include "training/available_memory.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <iterator>
#include <set>

namespace cellwright {

//===-- UTF-8 ---------------------------------------------------------------------------------===//

/// Bytes of the character that begins with `lead`, and the bits of the code point in `lead`; 0
/// bytes if none does.
static int lengthOfCharacter(unsigned char lead, uint32_t &bits) {
  if (lead < 0x80) {
    bits = lead;
    return 1;
  }
  if (lead >= 0xc2 && lead < 0xe0) { // c0 and c1 would be overlong
    bits = lead & 0x1f;
    return 2;
  }
  if (lead >= 0xe0 && lead < 0xf0) {
    bits = lead & 0x0f;
    return 3;
  }
  if (lead >= 0xf0 && lead < 0xf5) {
    bits = lead & 0x07;
    return 4;
  }
  return 0;
}

/// Length of the character at the text's begin, or 0 if it is not valid.
static int decodeCharacter(std::string_view text, uint32_t &codePoint) {
  int length = lengthOfCharacter(static_cast<unsigned char>(text[0]), codePoint);
  if (length == 0 || static_cast<size_t>(length) > text.size())
    return 0;
  for (int i = 1; i < length; ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80)
      return 0;
    codePoint = codePoint << 6 | (byte & 0x3f);
  }
  bool isOverlong = (length == 3 && codePoint < 0x800) || (length == 4 && codePoint < 0x10000);
  bool isSurrogate = codePoint >= 0xd800 && codePoint < 0xe000;
  return isOverlong || isSurrogate || codePoint > 0x10ffff ? 0 : length;
}

/// Calls `visit(codePoint)` for all characters. Throws Error for bytes that are none.
template <typename Visit>
static void forCharacters(std::string_view text, std::string_view source, const Visit &visit,
                          std::string_view advice = kBytesAdvice) {
  for (size_t offset = 0; offset < text.size();) {
    uint32_t codePoint = 0;
    int length = decodeCharacter(text.substr(offset), codePoint);
    CELLWRIGHT_CHECK(length > 0, "`{}`: byte {:#04x} at offset {} is not valid UTF-8; {}", source,
                     static_cast<unsigned char>(text[offset]), offset, advice);
    visit(codePoint);
    offset += static_cast<size_t>(length);
  }
}

std::vector<uint32_t> decodeUtf8(std::string_view text, std::string_view source) {
  std::vector<uint32_t> codePoints;
  forCharacters(text, source, [&](uint32_t codePoint) { codePoints.push_back(codePoint); });
  return codePoints;
}

std::string encodeUtf8(uint32_t codePoint) {
  auto tail = [&](int shift) { return static_cast<char>(0x80 | (codePoint >> shift & 0x3f)); };
  if (codePoint < 0x80)
    return {static_cast<char>(codePoint)};
  if (codePoint < 0x800)
    return {static_cast<char>(0xc0 | codePoint >> 6), tail(0)};
  if (codePoint < 0x10000)
    return {static_cast<char>(0xe0 | codePoint >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | codePoint >> 18), tail(12), tail(6), tail(0)};
}

std::string describeCharacter(uint32_t codePoint) {
  bool isControl = codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);
  return isControl ? fmt::format("U+{:04X}", codePoint)
                   : fmt::format("'{}'", encodeUtf8(codePoint));
}

//===-- Vocabulary ----------------------------------------------------------------------------===//

std::string readText(const std::string &path) {
  FileReader reader(path);
  // The text, and its symbols as numbers, one a byte at most.
  checkMemory(static_cast<double>(reader.size()) * (1 + sizeof(int32_t)),
              fmt::format("the text `{}` needs", path), "train with a part of it");
  return reader.readRest();
}

/// Calls `visit(symbol)` for all symbols of a text.
template <typename Visit>
static void forSymbols(SymbolUnit unit, std::string_view text, std::string_view source,
                       const Visit &visit, std::string_view advice = kBytesAdvice) {
  if (unit == SymbolUnit::Characters)
    return forCharacters(text, source, visit, advice);
  for (char byte : text)
    visit(static_cast<unsigned char>(byte));
}

Vocabulary::Vocabulary(SymbolUnit unit, std::vector<uint32_t> symbols)
    : symbolUnit(unit), symbols(std::move(symbols)) {
  assert(std::is_sorted(this->symbols.begin(), this->symbols.end()));
  if (this->symbols.empty())
    return;
  numbers.assign(this->symbols.back() + 1, -1);
  for (size_t i = 0; i < this->symbols.size(); ++i)
    numbers[this->symbols[i]] = static_cast<int32_t>(i);
}

Vocabulary Vocabulary::ofText(SymbolUnit unit, std::string_view text, std::string_view source,
                              std::string_view advice) {
  CELLWRIGHT_CHECK(!text.empty(), "`{}` is empty", source);
  constexpr uint32_t kCodePoints = 0x110000;
  std::vector<bool> occurs(kCodePoints);
  forSymbols(
      unit, text, source, [&](uint32_t symbol) { occurs[symbol] = true; }, advice);
  std::vector<uint32_t> symbols;
  for (uint32_t symbol = 0; symbol < kCodePoints; ++symbol)
    if (occurs[symbol])
      symbols.push_back(symbol);
  return {unit, std::move(symbols)};
}

Vocabulary Vocabulary::merge(const Vocabulary &a, const Vocabulary &b) {
  assert(a.symbolUnit == b.symbolUnit);
  std::vector<uint32_t> symbols;
  std::set_union(a.symbols.begin(), a.symbols.end(), b.symbols.begin(), b.symbols.end(),
                 std::back_inserter(symbols));
  return {a.symbolUnit, std::move(symbols)};
}

/// Throws, naming the symbols that a vocabulary does not have.
[[noreturn]] static void reportUnknown(const Vocabulary &vocabulary, std::string_view text,
                                       std::string_view source) {
  std::set<uint32_t> found;
  int64_t line = 1, column = 1;
  forSymbols(vocabulary.unit(), text, source, [&](uint32_t symbol) {
    if (vocabulary.find(symbol) < 0)
      found.insert(symbol);
    if (!found.empty())
      return;
    line += symbol == '\n';
    column = symbol == '\n' ? 1 : column + 1;
  });
  std::vector<uint32_t> unknown(found.begin(), found.end());
  constexpr size_t kNamed = 20;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(unknown.size(), kNamed); ++i)
    names.push_back(vocabulary.unit() == SymbolUnit::Bytes ? fmt::format("byte {:#04x}", unknown[i])
                                                           : describeCharacter(unknown[i]));
  std::string more =
      unknown.size() > kNamed ? fmt::format(" and {} more", unknown.size() - kNamed) : "";
  throw Error(fmt::format(
      "{}:{}:{}: the model does not know {}{}: its training text had {} symbols without {}", source,
      line, column, fmt::join(names, ", "), more, vocabulary.size(),
      unknown.size() == 1 ? "it" : "them"));
}

std::vector<int32_t> Vocabulary::encode(std::string_view text, std::string_view source) const {
  std::vector<int32_t> result;
  result.reserve(text.size());
  bool isKnown = true;
  forSymbols(symbolUnit, text, source, [&](uint32_t symbol) {
    result.push_back(find(symbol));
    isKnown &= result.back() >= 0;
  });
  if (!isKnown)
    reportUnknown(*this, text, source);
  return result;
}

std::string Vocabulary::decode(int32_t number) const {
  uint32_t symbol = symbols[static_cast<size_t>(number)];
  return symbolUnit == SymbolUnit::Bytes ? std::string(1, static_cast<char>(symbol))
                                         : encodeUtf8(symbol);
}

//===-- Batches -------------------------------------------------------------------------------===//

int64_t Batches::load(int64_t batch, std::vector<int32_t> &inputs,
                      std::vector<int32_t> &targets) const {
  assert(batch >= 0 && batch < count());
  int64_t begin = batch * steps;
  int64_t here = std::min(steps, length - begin);
  inputs.resize(here * streams);
  targets.resize(here * streams);
  int64_t size = static_cast<int64_t>(symbols.size());
  for (int64_t stream = 0; stream < streams; ++stream) {
    int64_t place = stream * streamLength + first + begin;
    for (int64_t step = 0; step < here; ++step, ++place) {
      inputs[step * streams + stream] = symbols[place];
      targets[step * streams + stream] = symbols[place + 1 == size ? 0 : place + 1];
    }
  }
  return here;
}

/// `1 symbol`, `2 symbols`.
static std::string countOf(int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

static std::string countOf(std::span<const int32_t> symbols) {
  return countOf(static_cast<int64_t>(symbols.size()), "symbol", "symbols");
}

static void checkBatchSize(int64_t streams, int64_t steps) {
  CELLWRIGHT_CHECK(streams > 0 && steps > 0,
                   "a batch has {} sequences of {} steps, expected at least 1 of 1", streams,
                   steps);
  CELLWRIGHT_CHECK(streams <= INT32_MAX / steps,
                   "a batch has {} sequences of {} steps, which is too large", streams, steps);
}

Batches makeTrainBatches(std::span<const int32_t> symbols, int64_t streams, int64_t steps) {
  checkBatchSize(streams, steps);
  // The last symbol is a target only.
  int64_t usable = static_cast<int64_t>(symbols.size()) - 1;
  int64_t length = usable / (streams * steps) * steps;
  CELLWRIGHT_CHECK(length > 0,
                   "the training text has {}, one batch of {} sequences of {} steps needs {}; a "
                   "smaller `batch-size` or `seq-length` needs fewer",
                   countOf(symbols), streams, steps, streams * steps + 1);
  return {
      symbols.first(static_cast<size_t>(streams * length + 1)), streams, steps, length, 0, length};
}

Batches makeEvalBatches(std::span<const int32_t> symbols, int64_t streams, int64_t steps) {
  checkBatchSize(streams, steps);
  int64_t usable = static_cast<int64_t>(symbols.size()) - 1;
  CELLWRIGHT_CHECK(usable > 0, "the text to evaluate has {}, expected at least 2",
                   countOf(symbols));
  streams = std::min(streams, usable);
  int64_t length = usable / streams;
  return {symbols, streams, std::min(steps, length), length, 0, length};
}

/// Fraction for testing.
static double testFraction(const SplitSettings &settings) {
  double rest = 1 - (settings.train + settings.validation);
  return rest < 1e-9 ? 0 : rest; // a rounding is nothing to test with
}

/// Sizes of the three parts of `total`.
static std::array<int64_t, 3> divide(int64_t total, const SplitSettings &settings) {
  auto train = static_cast<int64_t>(std::floor(static_cast<double>(total) * settings.train));
  if (testFraction(settings) == 0)
    return {train, total - train, 0};
  auto validation =
      static_cast<int64_t>(std::floor(static_cast<double>(total) * settings.validation));
  return {train, validation, total - train - validation};
}

static SplitText splitStreams(std::span<const int32_t> symbols, const SplitSettings &settings) {
  int64_t batchSize = settings.streams * settings.steps;
  int64_t count = static_cast<int64_t>(symbols.size()) / batchSize;
  CELLWRIGHT_CHECK(count > 0,
                   "the text has {}, one batch of {} sequences of {} steps needs {}; a smaller "
                   "`batch-size` or `seq-length` needs fewer",
                   countOf(symbols), settings.streams, settings.steps, batchSize);
  std::span<const int32_t> cut = symbols.first(static_cast<size_t>(count * batchSize));
  auto [train, validation, test] = divide(count, settings);
  CELLWRIGHT_CHECK(train > 0,
                   "the text has {}, of which the fraction {} for training is none; a smaller "
                   "`batch-size` or `seq-length` makes more",
                   countOf(count, "batch", "batches"), settings.train);
  auto part = [&](int64_t first, int64_t batches) {
    return Batches{cut,
                   settings.streams,
                   settings.steps,
                   count * settings.steps,
                   first * settings.steps,
                   batches * settings.steps};
  };
  return {part(0, train), part(train, validation), part(train + validation, test)};
}

static SplitText splitAtEnd(std::span<const int32_t> symbols, const SplitSettings &settings) {
  auto [train, validation, test] = divide(static_cast<int64_t>(symbols.size()), settings);
  SplitText parts;
  parts.train =
      makeTrainBatches(symbols.first(static_cast<size_t>(train)), settings.streams, settings.steps);
  if (validation > 1)
    parts.validation = makeEvalBatches(
        symbols.subspan(static_cast<size_t>(train), static_cast<size_t>(validation)),
        settings.streams, settings.steps);
  if (test > 1)
    parts.test =
        makeEvalBatches(symbols.last(static_cast<size_t>(test)), settings.streams, settings.steps);
  return parts;
}

SplitText splitText(std::span<const int32_t> symbols, const SplitSettings &settings) {
  checkBatchSize(settings.streams, settings.steps);
  auto isFraction = [](double value) { return value >= 0 && value <= 1; };
  CELLWRIGHT_CHECK(
      isFraction(settings.train) && isFraction(settings.validation),
      "the fractions for training and validation are {} and {}, expected numbers from 0 to 1",
      settings.train, settings.validation);
  // Fractions such as 0.8 + 0.2 may miss 1 by a rounding.
  CELLWRIGHT_CHECK(settings.train + settings.validation < 1 + 1e-9,
                   "the fractions for training and validation are {} and {}, together more than 1",
                   settings.train, settings.validation);
  return settings.kind == SplitKind::Streams ? splitStreams(symbols, settings)
                                             : splitAtEnd(symbols, settings);
}

uint64_t digestOf(const Batches &train, const Batches &validation) {
  uint64_t digest = 0xcbf29ce484222325;
  for (const Batches *part : {&train, &validation})
    for (int32_t symbol : part->symbols)
      digest = (digest ^ static_cast<uint32_t>(symbol)) * 0x100000001b3;
  return digest;
}

} // namespace cellwright
