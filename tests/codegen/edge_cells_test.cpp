// Cells at the edges of the language on every target that this machine can run.
#include "cell_checks.h"
#include "edge_cells.h"

#include "codegen/target.h"
#include <doctest/doctest.h>

#include <algorithm>

namespace cellwright {

namespace {

std::vector<std::string> runnableTargets() {
  std::vector<std::string> names;
  for (std::string_view name : targetNames())
    if (canRun(*findTarget(name)))
      names.emplace_back(name);
  return names;
}

} // namespace

TEST_CASE("cells at the edges of the language, on every target of this machine") {
  std::vector<std::string> targets = runnableTargets();
  REQUIRE(!targets.empty());
  size_t number = 0;
  for (const EdgeCell &edge : edgeCells()) {
    // One element, fewer and more than a vector; both types and all targets in turn.
    for (int64_t H : {1, 3, 18}) {
      CellCheck check;
      check.compile.isDouble = number % 2 == 0;
      check.compile.target = targets[number / 2 % targets.size()];
      check.compile.indexInputs = edge.indexInputs;
      check.run.steps = 4;
      check.run.sequences = 1 + static_cast<int64_t>(number % 3);
      check.run.hasLengths = number % 4 == 1;
      check.run.hasResets = number % 5 == 2;
      check.run.smallest = check.compile.isDouble ? 0 : 1;
      check.run.samples = 5;
      check.run.seed = 1 + number;
      ++number;
      TestCell cell = cellOf(edge);
      if (!bindTo(cell, {{"I", 3}, {"H", H}, {"K", 5}}))
        continue; // a slice of nothing
      for (const std::string &problem : problemsOf(cell, check))
        FAIL_CHECK(edge.what, ", H = ", H, ", ", check.compile.target,
                   check.compile.isDouble ? ", f64: " : ", f32: ", problem);
    }
  }
}

} // namespace cellwright
