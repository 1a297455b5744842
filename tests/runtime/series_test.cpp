// Panels from and to row-major memory, batches of sequences of different lengths.
#include "runtime/series.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using namespace cellwright;

namespace {

constexpr Format kSingle = {CELLWRIGHT_F32, 4};
constexpr Format kDouble = {CELLWRIGHT_F64, 4};

/// 1, 2, 3, ... as many as fit.
template <typename Real> std::vector<Real> counting(int64_t count) {
  std::vector<Real> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), Real(1));
  return numbers;
}

template <typename Real>
std::vector<Real> readAndWrite(Format format, const Batch &batch, int64_t columns,
                               bool isReadReversed, bool isWrittenReversed) {
  int64_t count = batch.steps * batch.sequences * columns;
  std::vector<Real> numbers = counting<Real>(count), result(static_cast<size_t>(count), Real(-1));
  Series series;
  series.resize(format, batch.steps * batch.sequences, columns);
  readSteps(numbers.data(), batch, series.view(), isReadReversed);
  writeSteps(series.view(), batch, result.data(), isWrittenReversed);
  return result;
}

} // namespace

TEST_CASE("what is read is written, in both types, with and without tails") {
  for (int64_t columns : {1, 3, 4, 5, 9}) {
    Batch batch = makeBatch(3, 2, {});
    CHECK(readAndWrite<float>(kSingle, batch, columns, false, false) ==
          counting<float>(6 * columns));
    CHECK(readAndWrite<double>(kDouble, batch, columns, false, false) ==
          counting<double>(6 * columns));
  }
}

TEST_CASE("sequences are sorted by length, equal ones as they come, and written where they were") {
  Batch batch = makeBatch(3, 4, std::vector<int64_t>{1, 3, 0, 3});
  CHECK(batch.order == std::vector<int32_t>{1, 3, 0, 2});
  CHECK(batch.lengths == std::vector<int64_t>{3, 3, 1, 0});
  CHECK(batch.activeRows(0) == 3);
  CHECK(batch.activeRows(1) == 2);
  CHECK(batch.activeRows(2) == 2);
  CHECK(batch.caller(2) == 0);
  // Zeros beyond the ends.
  CHECK(readAndWrite<float>(kSingle, batch, 1, false, false) ==
        std::vector<float>{1, 2, 0, 4, 0, 6, 0, 8, 0, 10, 0, 12});
  CHECK(makeBatch(3, 2, std::vector<int64_t>{3, 3}).order.empty());
}

TEST_CASE("reversing turns each sequence around within its own length, twice is nothing") {
  Batch batch = makeBatch(3, 2, std::vector<int64_t>{2, 3});
  CHECK(readAndWrite<double>(kDouble, batch, 1, true, false) ==
        std::vector<double>{3, 6, 1, 4, 0, 2});
  CHECK(readAndWrite<double>(kDouble, batch, 1, false, true) ==
        std::vector<double>{3, 6, 1, 4, 0, 2});
  CHECK(readAndWrite<double>(kDouble, batch, 1, true, true) ==
        std::vector<double>{1, 2, 3, 4, 0, 6});
}

TEST_CASE("rows of sequences go the batch's way") {
  Batch batch = makeBatch(3, 3, std::vector<int64_t>{1, 3, 2});
  Series series;
  series.resize(kSingle, 3, 5);
  std::vector<float> numbers = counting<float>(15), back(15);
  readSequences(numbers.data(), batch, series.view());
  CHECK(static_cast<float *>(series.view().data)[0] == 6); // the longest sequence is row 0
  writeSequences(series.view(), batch, back.data());
  CHECK(back == numbers);
}

TEST_CASE("columns are copied across panels at any place, reversed or added") {
  Batch batch = makeBatch(2, 2, {});
  Series from, to;
  from.resize(kSingle, 4, 7);
  to.resize(kSingle, 4, 11);
  std::vector<float> numbers = counting<float>(4 * 7), result(4 * 11);
  readSteps(numbers.data(), batch, from.view());
  for (int64_t fromColumn : {0, 1, 3})
    for (int64_t toColumn : {0, 2, 5, 7})
      for (bool isReversed : {false, true}) {
        to.clear();
        copySteps(from.view(), batch, to.view(), fromColumn, toColumn, 4, isReversed, false);
        copySteps(from.view(), batch, to.view(), fromColumn, toColumn, 4, isReversed, true);
        writeSteps(to.view(), batch, result.data());
        for (int64_t step = 0; step < 2; ++step)
          for (int64_t n = 0; n < 2; ++n)
            for (int64_t i = 0; i < 11; ++i) {
              int64_t source = ((isReversed ? 1 - step : step) * 2 + n) * 7 + fromColumn;
              bool isCopied = i >= toColumn && i < toColumn + 4;
              float expected =
                  isCopied ? 2 * numbers[static_cast<size_t>(source + i - toColumn)] : 0;
              CHECK(result[static_cast<size_t>((step * 2 + n) * 11 + i)] == expected);
            }
      }
}

TEST_CASE("the same row of neighbouring panels falls into different sets of the cache") {
  for (int64_t rows : {1, 2, 32, 33})
    CHECK(panelStride(kSingle, rows) / kSingle.width % 2 == 1);
}

TEST_CASE("lengths that fit no batch are named") {
  CHECK(errorOf([] { makeBatch(3, 2, std::vector<int64_t>{1}); }) ==
        "expected a length for each of 2 sequences, got 1");
  CHECK(errorOf([] {
          makeBatch(3, 2, std::vector<int64_t>{1, 4});
        }) == "sequence 1 has length 4, expected 0 to T = 3");
  CHECK(errorOf([] {
          makeBatch(3, 2, std::vector<int64_t>{-1, 3});
        }) == "sequence 0 has length -1, expected 0 to T = 3");
}
