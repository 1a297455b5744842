// Every shipped cell, at sizes with tails of every kind: values and all gradients, in both types,
// for any number of threads. Which settings meet is chosen by pairs.
#include "cell_checks.h"

#include "fmt/format.h"
#include "tests/support/pairwise.h"
#include "tests/support/shipped_cells.h"
#include "tests/support/tangents.h"
#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace cellwright {

namespace {

struct CellSettings {
  int64_t I, H, N, T;
  bool isDouble;
  bool hasLengths, hasResets;

  std::string text() const {
    return fmt::format("I = {}, H = {}, N = {}, T = {}, {}{}{}", I, H, N, T,
                       isDouble ? "f64" : "f32", hasLengths ? ", lengths" : "",
                       hasResets ? ", resets" : "");
  }
};

/// For any two of the settings, every pair of their values.
std::vector<CellSettings> allSettings() {
  constexpr std::array<int64_t, 4> kSizes = {1, 3, 17, 65};
  constexpr std::array<int64_t, 3> kSequences = {1, 3, 20};
  constexpr std::array<int64_t, 3> kSteps = {1, 2, 35};
  std::vector<CellSettings> result;
  for (const std::vector<int> &row : test::coverPairs({4, 4, 3, 3, 2, 4}))
    result.push_back({kSizes[row[0]], kSizes[row[1]], kSequences[row[2]], kSteps[row[3]],
                      row[4] == 1, row[5] % 2 == 1, row[5] / 2 == 1});
  return result;
}

/// Binds the cell; where a cell needs I = H, to H for both.
bool bindSettings(TestCell &cell, const CellSettings &settings) {
  constexpr int64_t kOthers = 5;
  return bindTo(cell, sizesFor(cell.cell(), settings.I, settings.H, kOthers)) ||
         bindTo(cell, sizesFor(cell.cell(), settings.H, settings.H, kOthers));
}

CellCheck checkFor(const TestCell &cell, const CellSettings &settings, uint64_t seed) {
  CellCheck check;
  check.compile.isDouble = settings.isDouble;
  // Cells that draw: every second time as in training.
  check.compile.isTraining = cell.cell().randomCount > 0 && seed % 2 == 0;
  check.run.steps = settings.T;
  check.run.sequences = settings.N;
  check.run.hasLengths = settings.hasLengths;
  check.run.hasResets = settings.hasResets;
  check.run.seed = seed;
  // A difference runs the interpreter some eight times: few elements, and of short runs only.
  // Directions see all elements of all runs.
  check.run.samples = settings.T * settings.N <= 60 ? 2 : 0;
  // Values and adjoints are of order one. What is left where they cancel has the rounding errors of
  // what was there: those of f32 are not relative to less than a quarter.
  check.run.smallest = settings.isDouble ? 0 : 0.25;
  return check;
}

void checkCells(const std::vector<CellSettings> &all, size_t first, size_t step) {
  std::vector<std::string> names = test::shippedCells();
  REQUIRE(names.size() > 40);
  for (size_t i = first; i < names.size(); i += step) {
    TestCell cell = cellByName(names[i]);
    for (size_t number = 0; number < all.size(); ++number) {
      REQUIRE_MESSAGE(bindSettings(cell, all[number]), names[i]);
      CellCheck check = checkFor(cell, all[number], number + 1);
      if (names[i].starts_with("slstm"))
        check.normalizers = {"n"};
      for (const std::string &problem : problemsOf(cell, check))
        FAIL_CHECK(names[i], ", ", all[number].text(), ": ", problem);
    }
  }
}

} // namespace

TEST_CASE("every shipped cell at a size with tails, with lengths and resets") {
  checkCells({{2, 3, 3, 3, true, true, true}}, 0, 1);
}

TEST_SUITE_BEGIN("slow");

TEST_CASE("every shipped cell at all sizes, first half") { checkCells(allSettings(), 0, 2); }
TEST_CASE("every shipped cell at all sizes, second half") { checkCells(allSettings(), 1, 2); }

TEST_SUITE_END();

TEST_CASE("derivatives along a direction are differences of the interpreter") {
  for (const std::string &name : test::shippedCells()) {
    TestCell cell = cellByName(name);
    CellSettings settings{3, 3, 2, 3, true, true, true};
    REQUIRE(bindSettings(cell, settings));
    CellCheck check = checkFor(cell, settings, 1);
    GradcheckRun run = makeClearRun(cell, check);
    // Moves everything, each element by its own number.
    test::Direction direction{run.input.inputs, run.input.firstStates, run.input.params};
    auto lossAt = [&](double distance) {
      SequenceInput moved = run.input;
      auto move = [&](std::vector<Elements> &lists, const std::vector<Elements> &along) {
        for (size_t i = 0; i < lists.size(); ++i)
          for (size_t j = 0; j < lists[i].size(); ++j)
            lists[i][j] += distance * along[i][j];
      };
      move(moved.inputs, direction.inputs);
      move(moved.firstStates, direction.firstStates);
      move(moved.params, direction.params);
      return lossOf(interpretSequence(cell.cell(), cell.bound, moved), run.adjoints);
    };
    constexpr double kWidth = 1e-6;
    double difference = (lossAt(kWidth) - lossAt(-kWidth)) / (2 * kWidth);
    auto tangents = test::differentiateAlong(cell.cell(), cell.bound, run.input, {{direction}});
    double derivative = lossOf(tangents.along[0], run.adjoints);
    // Second order: 1e-12 of the third derivative and 1e-16 / width of the loss.
    CHECK_MESSAGE(std::abs(difference - derivative) <= 1e-7 * std::max(1.0, std::abs(derivative)),
                  name, ": ", difference, " and ", derivative);
  }
}

} // namespace cellwright
