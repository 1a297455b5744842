// Binary cross-entropy and squared error against their plain forms.
#include "tests/support/error_text.h"
#include "tests/training/panel_rows.h"
#include "training/loss.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using namespace cellwright;

namespace {

using Loss = LossResult (*)(const SeriesView &, const SeriesView &, const SeriesView &, double,
                            ThreadPool &, std::vector<double> &, std::span<const uint8_t>);

/// A loss and what it is of one number, in double.
struct LossRow {
  const char *name;
  Loss loss;
  double (*plain)(double x, double z);
};

const LossRow kLosses[] = {
    {"bits", binaryCrossEntropy,
     [](double x, double z) {
       return std::max(x, 0.0) - x * z + std::log1p(std::exp(-std::abs(x)));
     }},
    {"squares", squaredError, [](double x, double z) { return (x - z) * (x - z); }},
};

double difference(const LossRow &row, double x, double z) {
  constexpr double kStep = 1e-4;
  return (row.plain(x + kStep, z) - row.plain(x - kStep, z)) / (2 * kStep);
}

} // namespace

TEST_CASE("losses of columns agree with their plain forms, gradients with differences of them") {
  ThreadPool threads(2);
  std::vector<double> scratch;
  Random random(1, "column losses");
  for (const LossRow &row : kLosses)
    for (int width : {1, 4, 8, 16, 32})
      for (int64_t columns : {1, 3, 16, 17, 88, 600}) {
        CAPTURE(row.name);
        CAPTURE(width);
        CAPTURE(columns);
        constexpr int kRows = 7;
        PanelRows outputs(width, kRows, columns), adjoint(width, kRows, columns);
        PanelRows targets(width, kRows, columns);
        double mean = 0;
        for (int i = 0; i < kRows; ++i)
          for (int64_t column = 0; column < columns; ++column) {
            outputs.at(i, column) = static_cast<float>(random.normal() * 3);
            targets.at(i, column) = static_cast<float>(random.below(2));
            mean += row.plain(outputs.at(i, column), targets.at(i, column)) / kRows;
          }
        LossResult loss =
            row.loss(outputs.view(), targets.view(), adjoint.view(), 0.5, threads, scratch, {});
        CHECK(loss.rows == kRows);
        CHECK(loss.mean == doctest::Approx(mean).epsilon(1e-6));
        double worst = 0;
        for (int i = 0; i < kRows; ++i)
          for (int64_t column = 0; column < columns; ++column) {
            double expected = 0.5 * difference(row, outputs.at(i, column), targets.at(i, column));
            worst = std::max(worst, std::abs(adjoint.at(i, column) - expected));
          }
        CHECK(worst < 1e-5); // squares: twice 12, in f32, and differences of 1e-4
        for (int64_t column = columns; column < adjoint.view().format.panels(columns) * width;
             ++column)
          CHECK(adjoint.at(0, column) == 0);
      }
}

TEST_CASE("huge logits of bits give finite losses") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  PanelRows logits(4, 1, 4), targets(4, 1, 4), adjoint(4, 1, 4);
  const float x[] = {1e30f, -1e30f, 1000, -1000}, z[] = {1, 0, 0, 1};
  for (int column = 0; column < 4; ++column) {
    logits.at(0, column) = x[column];
    targets.at(0, column) = z[column];
  }
  LossResult loss =
      binaryCrossEntropy(logits.view(), targets.view(), adjoint.view(), 1, threads, scratch);
  CHECK(loss.mean == doctest::Approx(2000));
  CHECK(adjoint.at(0, 0) == 0);
  CHECK(adjoint.at(0, 1) == 0);
  CHECK(adjoint.at(0, 2) == 1);
  CHECK(adjoint.at(0, 3) == -1);
}

TEST_CASE("losses of columns leave out what does not count, and report what is no number") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  for (const LossRow &row : kLosses) {
    CAPTURE(row.name);
    PanelRows outputs(4, 3, 5), targets(4, 3, 5), adjoint(4, 3, 5); // row 1 stays NaN
    for (int i : {0, 2})
      for (int column = 0; column < 5; ++column) {
        outputs.at(i, column) = 0.5f;
        targets.at(i, column) = 1;
      }
    const std::vector<uint8_t> counts = {1, 0, 1};
    LossResult loss =
        row.loss(outputs.view(), targets.view(), adjoint.view(), 1, threads, scratch, counts);
    CHECK(loss.rows == 2);
    CHECK(loss.mean == doctest::Approx(5 * row.plain(0.5, 1)).epsilon(1e-6));
    CHECK(adjoint.at(1, 0) == 0);
    CHECK(adjoint.at(1, 4) == 0);
    loss = row.loss(outputs.view(), targets.view(), {}, 1, threads, scratch, {});
    CHECK(std::isnan(loss.mean));
    CHECK(loss.badRow == 1);
  }
}

TEST_CASE("losses of columns have the same bits for one and two threads") {
  constexpr int kRows = 301;
  Random random(1, "threads");
  PanelRows outputs(8, kRows, 88), targets(8, kRows, 88), first(8, kRows, 88), second(8, kRows, 88);
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < 88; ++column) {
      outputs.at(row, column) = static_cast<float>(random.normal());
      targets.at(row, column) = static_cast<float>(random.below(2));
    }
  ThreadPool one(1), two(2);
  std::vector<double> scratch;
  for (const LossRow &loss : kLosses) {
    CAPTURE(loss.name);
    double mean = loss.loss(outputs.view(), targets.view(), first.view(), 1, one, scratch, {}).mean;
    CHECK(loss.loss(outputs.view(), targets.view(), second.view(), 1, two, scratch, {}).mean ==
          mean);
    bool isSame = true;
    for (int row = 0; row < kRows; ++row)
      for (int column = 0; column < 88; ++column)
        isSame &= first.at(row, column) == second.at(row, column);
    CHECK(isSame);
  }
}

TEST_CASE("targets of another shape are refused") {
  ThreadPool threads(1);
  std::vector<double> scratch;
  PanelRows outputs(4, 2, 5), targets(4, 2, 6);
  CHECK(errorOf([&] { squaredError(outputs.view(), targets.view(), {}, 1, threads, scratch); }) ==
        "6 targets a row, expected 5");
}
