// Candidates compiled: kernels agree with the interpreter, forward and backward, for every
// published genotype and for random candidates. With CELLWRIGHT_CANDIDATES=10000 in the environment
// there are so many of them, for the night.
#include "candidates.h"

#include "dsl/canonical.h"
#include "fmt/ranges.h"
#include "runtime/files.h"
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/paths.h"
#include "search/replay.h"
#include "tests/codegen/cell_checks.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <map>

namespace cellwright {

using nlohmann::json;

namespace {

/// How many candidates of a space to check.
int candidateCount() {
  const char *given = std::getenv("CELLWRIGHT_CANDIDATES");
  return given ? std::atoi(given) : 200;
}

/// Checks a cell at small sizes, as it is or in the form in which it is trained.
void expectCompiled(const std::string &name, const std::string &text, bool isCanonical) {
  INFO(name, isCanonical ? ", canonical\n" : "\n", text);
  const Sizes sizes = {{"I", 3}, {"H", 5}};
  TestCell cell = cellOfText(text, sizes);
  if (isCanonical) {
    cell.checked.cell = canonicalize(cell.cell()).cell;
    REQUIRE(bindTo(cell, sizes));
  }
  CellCheck check;
  check.compile.isDouble = true;
  check.run.steps = 3;
  check.run.sequences = 2;
  check.run.samples = 2;
  check.run.smallest = 1;
  check.isSensitive = true;
  check.otherThreads = {};
  std::vector<std::string> problems = problemsOf(cell, check);
  CHECK_MESSAGE(problems.empty(), fmt::format("{}", fmt::join(problems, "\n  ")));
}

/// Checks those that no filter rejects; counts both.
struct Counter {
  int kept = 0;
  std::map<std::string, int> rejected;

  void operator()(const std::string &name, const Candidate &candidate) {
    std::string missing;
    withCell(candidate.cell, [&](const Program &, const CheckedCell &checked) {
      missing = findMissingPath(canonicalize(checked.cell).cell).value_or("");
    });
    if (!missing.empty()) {
      ++rejected[missing];
      return;
    }
    ++kept;
    expectCompiled(name, candidate.cell, true);
    // Of the text itself a part: it takes as long, and other tests have random cells too.
    if (kept % 5 == 0)
      expectCompiled(name, candidate.cell, false);
  }
};

} // namespace

TEST_CASE("every published genotype agrees with the interpreter") {
  for (const RecordedRun &run : readRecording("../../data/nas_bench_nlp").runs)
    expectCompiled(run.recipe, importGenotype(json::parse(run.recipe), "nas-bench-nlp", "recipe"),
                   false);
  json all = json::parse(readFile("data/genotypes.json"));
  for (const auto &[name, fields] : all.at("cells").items())
    expectCompiled(name, importGenotype(fields, "darts", "darts"), false);
  expectCompiled(
      "ENAS", importGenotype(all.at("enas_official_fixed_arc").at("arc"), "enas", "enas"), false);
  expectCompiled(
      "ENAS-pytorch",
      importGenotype(json::parse(readFile("data/enas_pytorch_dag.json")), "enas-pytorch", "enas"),
      false);
}

TEST_CASE("mutants of jozefowicz agree with the interpreter, or a filter rejects them") {
  Counter counter;
  forEachMutant(candidateCount(), [&](const std::string &name, const Candidate &candidate) {
    counter(name, candidate);
  });
  CHECK(counter.kept > candidateCount() / 2);
}

TEST_CASE("samples of zoph_le agree with the interpreter, or a filter rejects them") {
  Counter counter;
  forEachSample(
      "zoph_le", candidateCount(),
      [&](const std::string &name, const Candidate &candidate) { counter(name, candidate); });
  CHECK(counter.kept > candidateCount() / 2);
}

TEST_CASE("samples of the other spaces agree with the interpreter, or a filter rejects them") {
  for (const char *space : {"enas", "darts", "nas_bench_nlp"}) {
    Counter counter;
    forEachSample(
        space, candidateCount() / 10,
        [&](const std::string &name, const Candidate &candidate) { counter(name, candidate); });
    CHECK(counter.kept > 0);
  }
}

} // namespace cellwright
