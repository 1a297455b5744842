#include "training/text_data.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

using namespace cellwright;

/// 0, 1, 2, ...
static std::vector<int32_t> counting(int32_t count) {
  std::vector<int32_t> symbols(count);
  std::iota(symbols.begin(), symbols.end(), 0);
  return symbols;
}

//===-- Symbols -------------------------------------------------------------------------------===//

TEST_CASE("UTF-8 is read and written back") {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f";
  std::vector<uint32_t> codePoints = decodeUtf8(text, "f");
  CHECK(codePoints == std::vector<uint32_t>{'a', 0xe9, 0x20ac, 0x1f600, 0x7f});
  std::string written;
  for (uint32_t codePoint : codePoints)
    written += encodeUtf8(codePoint);
  CHECK(written == text);
}

TEST_CASE("bytes that are not UTF-8 are named with their place and the way out") {
  CHECK(errorOf([] { decodeUtf8("ab\xff", "f"); }) ==
        "`f`: byte 0xff at offset 2 is not valid UTF-8; a model that is trained with "
        "`--symbols bytes` takes any bytes");
  // Overlong, surrogate, beyond the last code point, cut off, a continuation alone.
  for (const char *bad : {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                          "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
                          "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\x80"}) {
    CAPTURE(bad);
    CHECK(errorOf([&] { decodeUtf8(bad, "f"); }).find("at offset 0") != std::string::npos);
  }
  // The neighbours of those are valid.
  for (const char *good : {"\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(decodeUtf8(good, "f").size() == 1);
}

TEST_CASE("a vocabulary numbers its symbols by rising code point") {
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters,
                                             "b\xc3\xa9"
                                             "ab",
                                             "f");
  CHECK(vocabulary.size() == 3);
  CHECK(vocabulary.encode("ab\xc3\xa9", "f") == std::vector<int32_t>{0, 1, 2});
  CHECK(vocabulary.decode(2) == "\xc3\xa9");
  Vocabulary bytes = Vocabulary::ofText(SymbolUnit::Bytes,
                                        "b\xc3\xa9"
                                        "ab",
                                        "f");
  CHECK(bytes.size() == 4);
  CHECK(bytes.encode("\xa9", "f") == std::vector<int32_t>{2});
  CHECK(bytes.decode(2) == "\xa9");
}

TEST_CASE("merged vocabularies have the symbols of both") {
  Vocabulary a = Vocabulary::ofText(SymbolUnit::Characters, "ac", "f");
  Vocabulary b = Vocabulary::ofText(SymbolUnit::Characters, "bc", "f");
  CHECK(Vocabulary::merge(a, b) == Vocabulary::ofText(SymbolUnit::Characters, "abc", "f"));
}

TEST_CASE("unknown symbols are all named, with the place of the first") {
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, "ab\n", "f");
  CHECK(errorOf([&] { vocabulary.encode("ab\nbx\xc3\xa9x\t", "primer"); }) ==
        "primer:2:2: the model does not know U+0009, 'x', '\xc3\xa9': its training text had 3 "
        "symbols without them");
  Vocabulary bytes = Vocabulary::ofText(SymbolUnit::Bytes, "ab", "f");
  CHECK(
      errorOf([&] { bytes.encode("\xff", "primer"); }) ==
      "primer:1:1: the model does not know byte 0xff: its training text had 2 symbols without it");
  CHECK(errorOf([] { Vocabulary::ofText(SymbolUnit::Bytes, "", "f"); }) == "`f` is empty");
}

//===-- Batches -------------------------------------------------------------------------------===//

TEST_CASE("char-rnn's split of tinyshakespeare") {
  std::vector<int32_t> symbols = counting(1'115'394);
  SplitText split = splitText(symbols, {});
  CHECK(split.train.count() == 423);
  CHECK(split.validation.count() == 23);
  CHECK(split.test.count() == 0);
  std::vector<int32_t> inputs, targets;
  // 446 batches of 50 x 50: rows of 22,300 symbols.
  CHECK(split.train.load(0, inputs, targets) == 50);
  CHECK(inputs[0] == 0);
  CHECK(targets[0] == 1);
  CHECK(inputs[1] == 22'300);
  CHECK(inputs[50] == 1);
  CHECK(inputs[49 * 50 + 49] == 49 * 22'300 + 49);
  split.train.load(422, inputs, targets);
  CHECK(inputs[0] == 422 * 50);
  split.validation.load(0, inputs, targets);
  CHECK(inputs[0] == 423 * 50);
  // The last target is the first symbol of the text that was cut to 1,115,000.
  split.validation.load(22, inputs, targets);
  CHECK(inputs.back() == 1'114'999);
  CHECK(targets.back() == 0);
  CHECK(targets[targets.size() - 2] == 49 * 22'300);
}

TEST_CASE("a split by streams rounds as char-rnn does") {
  std::vector<int32_t> symbols = counting(100);
  // 25 batches of 2 x 2; 0.7 and 0.15 of it are 17.5 and 3.75.
  SplitText split =
      splitText(symbols, {.train = 0.7, .validation = 0.15, .streams = 2, .steps = 2});
  CHECK(split.train.count() == 17);
  CHECK(split.validation.count() == 3);
  CHECK(split.test.count() == 5);
  SplitText all = splitText(symbols, {.train = 1, .validation = 0, .streams = 2, .steps = 2});
  CHECK(all.train.count() == 25);
  CHECK(all.validation.count() == 0);
}

TEST_CASE("a split of the text keeps its end for validation") {
  std::vector<int32_t> symbols = counting(103);
  SplitText split = splitText(
      symbols,
      {.kind = SplitKind::Text, .train = 0.8, .validation = 0.2, .streams = 3, .steps = 4});
  std::vector<int32_t> inputs, targets;
  // 82 symbols: 3 rows of 24, a multiple of 4 below 27.
  CHECK(split.train.count() == 6);
  split.train.load(5, inputs, targets);
  CHECK(inputs.back() == 71);
  CHECK(targets.back() == 72);
  // 21 symbols: 3 rows of 6, the last batch has 2 steps.
  CHECK(split.validation.count() == 2);
  CHECK(split.validation.symbolCount() == 18);
  split.validation.load(0, inputs, targets);
  CHECK(inputs[0] == 82);
  CHECK(split.validation.load(1, inputs, targets) == 2);
  CHECK(inputs == std::vector<int32_t>{86, 92, 98, 87, 93, 99});
  CHECK(targets == std::vector<int32_t>{87, 93, 99, 88, 94, 100});
}

TEST_CASE("batches cover their text once, each symbol with the one that follows it") {
  std::vector<int32_t> symbols = counting(1000);
  for (auto [streams, steps] :
       {std::pair<int64_t, int64_t>{1, 7}, {3, 10}, {50, 50}, {999, 3}, {5000, 1}}) {
    CAPTURE(streams);
    CAPTURE(steps);
    Batches batches = makeEvalBatches(symbols, streams, steps);
    std::vector<int32_t> inputs, targets, seen(1000);
    for (int64_t batch = 0; batch < batches.count(); ++batch) {
      int64_t loaded = batches.load(batch, inputs, targets);
      CHECK(loaded * batches.streams == static_cast<int64_t>(inputs.size()));
      for (size_t i = 0; i < inputs.size(); ++i) {
        CHECK(targets[i] == inputs[i] + 1);
        ++seen[inputs[i]];
      }
    }
    CHECK(std::accumulate(seen.begin(), seen.end(), int64_t{0}) == batches.symbolCount());
    CHECK(batches.symbolCount() > 999 - batches.streams);
    CHECK(*std::max_element(seen.begin(), seen.end()) == 1);
  }
}

TEST_CASE("texts that are too short and bad fractions are refused") {
  std::vector<int32_t> symbols = counting(99);
  CHECK(errorOf([&] { splitText(symbols, {.streams = 10, .steps = 10}); }) ==
        "the text has 99 symbols, one batch of 10 sequences of 10 steps needs 100; a smaller "
        "`batch-size` or `seq-length` needs fewer");
  CHECK(errorOf([&] { makeTrainBatches(symbols, 9, 11); }) ==
        "the training text has 99 symbols, one batch of 9 sequences of 11 steps needs 100; a "
        "smaller `batch-size` or `seq-length` needs fewer");
  CHECK(errorOf([&] { makeEvalBatches(std::span<const int32_t>(symbols).first(1), 1, 1); }) ==
        "the text to evaluate has 1 symbol, expected at least 2");
  CHECK(errorOf([&] { splitText(symbols, {.streams = 1, .steps = 99}); }) ==
        "the text has 1 batch, of which the fraction 0.95 for training is none; a smaller "
        "`batch-size` or `seq-length` makes more");
  CHECK(errorOf([&] { splitText(symbols, {.train = 1.5}); }).find("expected numbers from 0 to 1") !=
        std::string::npos);
  CHECK(errorOf([&] {
          splitText(symbols, {.train = 0.9, .validation = 0.2});
        }).find("together more than 1") != std::string::npos);
  CHECK(errorOf([&] { splitText(symbols, {.streams = 0}); }).find("expected at least 1 of 1") !=
        std::string::npos);
}
