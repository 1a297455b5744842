#include "training/loss.h"

#include "tests/support/error_text.h"
#include "tests/training/panel_rows.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace cellwright;

namespace {

/// The loss in double, row by row: what the fast code must agree with.
struct Plain {
  double mean = 0;
  std::vector<std::vector<double>> adjoint;
};

Plain plainLoss(PanelRows &logits, const std::vector<int32_t> &targets, double scale) {
  Plain plain;
  for (size_t row = 0; row < targets.size(); ++row) {
    int64_t columns = logits.view().columns;
    double top = logits.at(row, 0), sum = 0;
    for (int64_t column = 1; column < columns; ++column)
      top = std::max<double>(top, logits.at(row, column));
    for (int64_t column = 0; column < columns; ++column)
      sum += std::exp(logits.at(row, column) - top);
    plain.mean +=
        (std::log(sum) + top - logits.at(row, targets[row])) / static_cast<double>(targets.size());
    plain.adjoint.emplace_back();
    for (int64_t column = 0; column < columns; ++column)
      plain.adjoint.back().push_back(
          scale * (std::exp(logits.at(row, column) - top) / sum - (column == targets[row])));
  }
  return plain;
}

} // namespace

TEST_CASE("the loss gives PyTorch's numbers") {
  // torch.nn.functional.cross_entropy(x, torch.tensor([2, 0, 4])) in PyTorch 2.15.0, double, and
  // x.grad.
  const std::vector<std::vector<float>> x = {
      {1.5, -0.5, 3.0, 0.25, -2.0}, {0, 100, 99, -50, 1}, {2, 2, 2, 2, 2}};
  const double recorded[3][5] = {
      {0.05617605251, 0.007602601977, -0.08156973279, 0.01609470851, 0.001696369797},
      {-0.3333333333, 0.2436861929, 0.08964714046, 1.748471821e-66, 2.464207157e-44},
      {0.06666666667, 0.06666666667, 0.06666666667, 0.06666666667, -0.2666666667}};
  for (int width : {1, 2, 4, 8, 16, 32}) {
    CAPTURE(width);
    PanelRows logits(width, 3, 5), adjoint(width, 3, 5);
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 5; ++column)
        logits.at(row, column) = x[row][column];
    ThreadPool threads(1);
    std::vector<double> scratch;
    LossResult loss = softmaxCrossEntropy(logits.view(), std::vector<int32_t>{2, 0, 4},
                                          adjoint.view(), 1.0 / 3, threads, scratch);
    CHECK(loss.mean == doctest::Approx(34.067784012045905).epsilon(1e-7));
    CHECK(loss.badRow == -1);
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 5; ++column)
        CHECK(std::abs(adjoint.at(row, column) - recorded[row][column]) <
              4 * 1.2e-7 / 3); // 4 ULP of 1 / 3
  }
}

TEST_CASE("the loss agrees with its plain form at every size of row") {
  ThreadPool threads(2);
  std::vector<double> scratch;
  Random random(1, "loss");
  for (int width : {4, 8, 16})
    for (int64_t columns : {1, 2, 15, 16, 17, 65, 200}) {
      CAPTURE(width);
      CAPTURE(columns);
      constexpr int kRows = 13;
      PanelRows logits(width, kRows, columns), adjoint(width, kRows, columns);
      std::vector<int32_t> targets;
      for (int row = 0; row < kRows; ++row) {
        for (int64_t column = 0; column < columns; ++column)
          logits.at(row, column) = static_cast<float>(random.normal() * 10);
        targets.push_back(static_cast<int32_t>(random.uniform() * static_cast<double>(columns)));
      }
      Plain plain = plainLoss(logits, targets, 0.5);
      LossResult loss =
          softmaxCrossEntropy(logits.view(), targets, adjoint.view(), 0.5, threads, scratch);
      CHECK(loss.mean == doctest::Approx(plain.mean).epsilon(1e-6));
      double worst = 0;
      for (int row = 0; row < kRows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          worst = std::max(worst, std::abs(adjoint.at(row, column) - plain.adjoint[row][column]));
      CHECK(worst < 0.5 * 4 * 1.2e-7); // the contract: 4 ULP of the largest, times the scale
      // Beyond the end are zeros, although the logits have NaN there.
      for (int64_t column = columns; column < logits.view().format.panels(columns) * width;
           ++column)
        CHECK(adjoint.at(0, column) == 0);
    }
}

TEST_CASE("the loss is the same without its adjoint, and in place") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  std::vector<int32_t> targets = {3, 0};
  PanelRows logits(4, 2, 6), adjoint(4, 2, 6);
  for (int row = 0; row < 2; ++row)
    for (int column = 0; column < 6; ++column)
      logits.at(row, column) = static_cast<float>(row * 3 - column * column) * 0.25f;
  double alone = softmaxCrossEntropy(logits.view(), targets, {}, 1, threads, scratch).mean;
  CHECK(softmaxCrossEntropy(logits.view(), targets, adjoint.view(), 1, threads, scratch).mean ==
        alone);
  CHECK(softmaxCrossEntropy(logits.view(), targets, logits.view(), 1, threads, scratch).mean ==
        alone);
  for (int row = 0; row < 2; ++row)
    for (int column = 0; column < 6; ++column)
      CHECK(logits.at(row, column) == adjoint.at(row, column));
}

TEST_CASE("huge logits give finite losses") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  PanelRows logits(4, 1, 3), adjoint(4, 1, 3);
  logits.at(0, 0) = 3e38f;
  logits.at(0, 1) = -3e38f;
  logits.at(0, 2) = 0;
  LossResult loss = softmaxCrossEntropy(logits.view(), std::vector<int32_t>{0}, adjoint.view(), 1,
                                        threads, scratch);
  CHECK(loss.mean == 0);
  CHECK(adjoint.at(0, 0) == 0);
  loss = softmaxCrossEntropy(logits.view(), std::vector<int32_t>{1}, adjoint.view(), 1, threads,
                             scratch);
  CHECK(loss.mean == doctest::Approx(6e38));
  CHECK(loss.badRow == -1);
  CHECK(adjoint.at(0, 0) == 1);
  CHECK(adjoint.at(0, 1) == -1);
}

TEST_CASE("a row with NaN or infinity is reported") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (int column : {0, 2, 4}) {
      CAPTURE(bad);
      CAPTURE(column);
      PanelRows logits(4, 3, 5);
      for (int row = 0; row < 3; ++row)
        for (int i = 0; i < 5; ++i)
          logits.at(row, i) = 0;
      logits.at(1, column) = bad;
      LossResult loss = softmaxCrossEntropy(logits.view(), std::vector<int32_t>{1, 1, 1}, {}, 1,
                                            threads, scratch);
      CHECK(std::isnan(loss.mean));
      CHECK(loss.badRow == 1);
    }
}

TEST_CASE("the loss has the same bits for one and two threads") {
  constexpr int kRows = 301;
  Random random(1, "threads");
  std::vector<int32_t> targets;
  PanelRows logits(8, kRows, 65), first(8, kRows, 65), second(8, kRows, 65);
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < 65; ++column)
      logits.at(row, column) = static_cast<float>(random.normal());
    targets.push_back(static_cast<int32_t>(random.next() % 65));
  }
  ThreadPool one(1), two(2);
  std::vector<double> scratch;
  double mean = softmaxCrossEntropy(logits.view(), targets, first.view(), 1, one, scratch).mean;
  CHECK(softmaxCrossEntropy(logits.view(), targets, second.view(), 1, two, scratch).mean == mean);
  bool isSame = true;
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < 65; ++column)
      isSame &= first.at(row, column) == second.at(row, column);
  CHECK(isSame);
}

TEST_CASE("bad targets and formats are refused") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  PanelRows logits(4, 2, 5), other(4, 2, 6);
  auto problem = [&](std::vector<int32_t> targets, const SeriesView &adjoint) {
    return errorOf(
        [&] { softmaxCrossEntropy(logits.view(), targets, adjoint, 1, threads, scratch); });
  };
  CHECK(problem({0, 5}, {}) == "row 1: target 5, expected 0 to 4");
  CHECK(problem({-1}, {}) == "row 0: target -1, expected 0 to 4");
  CHECK(problem({0, 0, 0}, {}) == "3 targets for 2 rows of 5 logits");
  CHECK(problem({0, 0}, other.view()) == "the adjoint has 2 rows of 6, the logits have 2 of 5");
  Series wide;
  wide.resize({CELLWRIGHT_F64, 4}, 2, 5);
  CHECK(errorOf([&] {
          softmaxCrossEntropy(wide.view(), std::vector<int32_t>{0}, {}, 1, threads, scratch);
        }) == "the loss takes F32 in panels of 1 to 32 columns, got F64 in panels of 4");
}

TEST_CASE("rows that do not count have no loss and no gradient, whatever they hold") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  PanelRows logits(4, 3, 5), adjoint(4, 3, 5); // rows 0 and 2 stay NaN
  for (int column = 0; column < 5; ++column)
    logits.at(1, column) = static_cast<float>(column);
  const std::vector<int32_t> targets = {-7, 4, 99};
  const std::vector<uint8_t> counts = {0, 1, 0};
  LossResult loss =
      softmaxCrossEntropy(logits.view(), targets, adjoint.view(), 0.5, threads, scratch, counts);
  CHECK(loss.rows == 1);
  CHECK(loss.badRow == -1);
  CHECK(loss.mean == doctest::Approx(0.451914395937593).epsilon(1e-6)); // log(sum e^-k), k < 5
  for (int column = 0; column < 5; ++column) {
    CHECK(adjoint.at(0, column) == 0);
    CHECK(adjoint.at(2, column) == 0);
  }
  CHECK(adjoint.at(1, 4) < 0);
  CHECK(countHits(logits.view(), targets, counts) == 1);
  CHECK(softmaxCrossEntropy(logits.view(), targets, {}, 1, threads, scratch,
                            std::vector<uint8_t>{0, 0, 0})
            .rows == 0);
  CHECK(errorOf([&] {
          softmaxCrossEntropy(logits.view(), targets, {}, 1, threads, scratch,
                              std::vector<uint8_t>{1});
        }) == "1 marks of rows that count, expected 3");
}

TEST_CASE("a hit is the first of the greatest logits") {
  PanelRows logits(4, 3, 5);
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 5; ++column)
      logits.at(row, column) = column == 1 || column == 4 ? 2 : 0;
  CHECK(countHits(logits.view(), std::vector<int32_t>{1, 4, 0}) == 1);
}
