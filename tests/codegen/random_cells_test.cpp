// Random cells that use the whole language, compiled: what must hold of every cell, for 200 of them
// and for a few in a hurry. A cell that fails is printed whole; its seed makes it again.
#include "cell_checks.h"

#include "fmt/ranges.h"
#include "tests/support/cell_generator.h"
#include "tests/support/generated_values.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace cellwright {

namespace {

bool isFinite(const SequenceResult &result) {
  auto areFinite = [](const Elements &elements) {
    return std::all_of(elements.begin(), elements.end(), [](double x) { return std::isfinite(x); });
  };
  return areFinite(result.output) &&
         std::all_of(result.states.begin(), result.states.end(), areFinite);
}

/// The check of a cell of a seed in one type; targets, sizes of the batch, lengths, resets and
/// training all change with the seed.
CellCheck checkFor(const TestCell &cell, uint64_t seed, bool isDouble) {
  constexpr std::array<int64_t, 4> kSequences = {1, 2, 3, 5};
  constexpr std::array<int64_t, 5> kSteps = {1, 2, 3, 4, 6};
  constexpr std::array<const char *, 4> kTargets = {"native", "native", "x86-64-v3", "x86-64"};
  test::Draws draws(seed + 1'000'000);
  CellCheck check;
  check.compile.isDouble = isDouble;
  check.compile.isTraining = cell.cell().randomCount > 0 && draws.chance(0.5);
  check.compile.target = draws.pick(kTargets);
  check.run.sequences = draws.pick(kSequences);
  check.run.steps = draws.pick(kSteps);
  check.run.hasLengths = draws.chance(0.3);
  check.run.hasResets = draws.chance(0.3);
  check.run.seed = 100 * seed + 1;
  check.otherThreads = {2, 3};
  // Values are of order one; where they cancel, what is left has the errors of what was there.
  check.run.smallest = 1;
  check.isSensitive = true;
  // Differences in f64 only: in f32 their widths would cross the kinks that these cells are full
  // of.
  check.run.samples = isDouble ? 3 : 0;
  return check;
}

std::string sizesText(const Sizes &sizes) {
  std::string text;
  for (const auto &[name, number] : sizes)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, number);
  return text;
}

void checkSeeds(uint64_t first, uint64_t count) {
  for (uint64_t seed = first; seed < first + count; ++seed) {
    test::GeneratedCell generated = test::generateCell(seed);
    INFO("seed ", seed, ", ", sizesText(generated.sizes), "\n", generated.text);
    TestCell cell = cellOfText(generated.text, generated.sizes);
    for (bool isDouble : {true, false}) {
      CellCheck check = checkFor(cell, seed, isDouble);
      GradcheckRun run = makeGradcheckRun(cell.cell(), cell.bound, check.compile, check.run);
      CHECK(isFinite(interpretSequence(cell.cell(), cell.bound, run.input)));
      std::vector<std::string> problems = problemsOf(cell, check);
      INFO(fmt::format(
          "{} {}, T = {}, N = {}{}{}{}", isDouble ? "f64" : "f32", check.compile.target,
          check.run.steps, check.run.sequences, check.run.hasLengths ? ", lengths" : "",
          check.run.hasResets ? ", resets" : "", check.compile.isTraining ? ", training" : ""));
      CHECK_MESSAGE(problems.empty(), fmt::format("{}", fmt::join(problems, "\n  ")));
    }
  }
}

} // namespace

TEST_CASE("the generator gives the same cell for the same seed") {
  CHECK(test::generateCell(7).text == test::generateCell(7).text);
  CHECK(test::generateCell(7).text != test::generateCell(8).text);
}

TEST_CASE("random cells, a few") { checkSeeds(1, 20); }

TEST_CASE("random cells" * doctest::test_suite("slow")) { checkSeeds(21, 200); }

} // namespace cellwright
