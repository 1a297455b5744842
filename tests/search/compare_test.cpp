// Comparisons: what is equal for all cells, what is chosen and what is reported.
#include "search/compare.h"

#include "search/statistics.h"
#include "tests/search/cell_texts.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cellwright {

static CompareOptions smallOptions() {
  CompareOptions options;
  options.task = "memorization:letters=2,batch=8";
  options.budget = 2000;
  options.seeds = 3;
  options.tuning = 3;
  options.updates = 20;
  return options;
}

static std::vector<ComparedCell> someCells() {
  return {{"gru", test::shippedText("gru")}, {"elman", test::shippedText("elman")}};
}

TEST_CASE("all cells get the same budget, the same tuning and the same seeds") {
  CompareOptions options = smallOptions();
  std::set<std::string> what;
  int64_t last = 0;
  options.progress = [&](int64_t done, int64_t all, const std::string &now) {
    CHECK(done == ++last);
    CHECK(all == 2 * (3 + 3) * 20);
    what.insert(now);
  };
  CompareResult comparison = compareCells(someCells(), options);
  CHECK(last == 240);
  CHECK(what.size() == 12);
  CHECK(what.contains("elman tuning 2/3"));
  std::vector<HyperParameters> tried = tuningOf(options);
  for (const CellOutcome &outcome : comparison.cells) {
    CAPTURE(outcome.name);
    CHECK(outcome.tuning.size() == 3);
    CHECK(outcome.runs.size() == 3);
    CHECK(outcome.runs.front().parameters <= 2000);
    CHECK(outcome.runs.front().parameters > 1700);
    // What was chosen is the best of what was tried.
    size_t best = 0;
    for (size_t i = 1; i < 3; ++i)
      if (outcome.tuning[i].quality > outcome.tuning[best].quality)
        best = i;
    CHECK(outcome.chosen.learningRate == tried[best].learningRate);
    CHECK(outcome.chosen.hidden == outcome.hidden);
    // What is reported is the test, with seeds of its own.
    for (size_t i = 0; i < 3; ++i) {
      CHECK(outcome.scores[i] == outcome.runs[i].testQuality);
      CHECK(outcome.runs[i].curve != outcome.tuning[best].curve);
    }
    CHECK(outcome.mean == meanOf(outcome.scores));
    CHECK(outcome.mean <= comparison.cells[comparison.best].mean);
  }
  CHECK(comparison.cells[comparison.best].p == 1);
  // The same again.
  options.progress = {};
  options.threads = 2;
  CompareResult again = compareCells(someCells(), options);
  for (size_t i = 0; i < 2; ++i)
    CHECK(again.cells[i].scores == comparison.cells[i].scores);
}

TEST_CASE("hyperparameters are drawn alike, the first in the middle") {
  CompareOptions options = smallOptions();
  options.tuning = 200;
  std::vector<HyperParameters> tried = tuningOf(options);
  CHECK(tried[0].learningRate == doctest::Approx(3e-3));
  CHECK(tried[0].initScale == 1);
  int64_t low = 0;
  std::set<double> scales, norms;
  for (const HyperParameters &hyper : tried) {
    CHECK((hyper.learningRate >= 3e-4 && hyper.learningRate <= 3e-2));
    low += hyper.learningRate < 3e-3;
    scales.insert(hyper.initScale);
    norms.insert(hyper.clipNorm);
  }
  CHECK((low > 70 && low < 130));
  CHECK(scales.size() == 6);
  CHECK(norms.size() == 5);
  options.tuning = 5;
  CHECK(tuningOf(options) == std::vector<HyperParameters>(tried.begin(), tried.begin() + 5));
}

TEST_CASE("what cannot be compared is said before anything is trained") {
  CompareOptions options = smallOptions();
  options.progress = [](int64_t, int64_t, const std::string &) { FAIL("nothing is trained"); };
  options.budget = 100;
  CHECK(errorOf([&] { compareCells(someCells(), options); }) ==
        "`gru`: no size has at most 100 parameters on this task; use a larger budget");
  options = smallOptions();
  options.seeds = 21;
  CHECK(errorOf([&] { compareCells(someCells(), options); }).starts_with("2 cells, 21 seeds"));
}

TEST_CASE("a cell that always diverges is at chance, and the others go on") {
  CompareOptions options = smallOptions();
  std::string text = "cell grows {\n  input x[I]\n  state h[H]\n  a = linear(x, h)\n"
                     "  b = linear(x, h)\n  h' = 1e30 * a * b\n}\n";
  int64_t last = 0, whole = 0;
  options.progress = [&](int64_t done, int64_t all, const std::string &) {
    last = done;
    whole = all;
  };
  CompareResult comparison =
      compareCells({{"grows", text}, {"gru", test::shippedText("gru")}}, options);
  CHECK(last == whole);
  const CellOutcome &outcome = comparison.cells[0];
  CHECK_FALSE(outcome.isTrainable());
  CHECK(outcome.tuning.size() == 3);
  CHECK(outcome.tuning.back().reason.starts_with("the loss"));
  CHECK(outcome.runs.empty());
  CHECK(outcome.diverged() == 3);
  CHECK(outcome.scores == std::vector<double>(3, comparison.chance));
  CHECK(outcome.mean == doctest::Approx(comparison.chance));
  CHECK(comparison.cells[1].isTrainable());
  CHECK(comparison.cells[1].runs.size() == 3);
  CHECK(comparison.cells[1].diverged() == 0);
}

TEST_CASE("a cell whose sizes do not fit is named") {
  CHECK(errorOf([] {
          compareCells({{"mine", "cell c {\n  input x[5]\n  state h[H]\n  h' = tanh(linear(x, h))\n"
                                 "}\n"}},
                       smallOptions());
        }).starts_with("`mine`: layer 0: the sizes do not fit"));
}

} // namespace cellwright
