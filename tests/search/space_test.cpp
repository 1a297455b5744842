// Spaces: every candidate is a cell that its genotype makes again; edits change one thing; the same
// numbers draw the same candidates.
#include "candidates.h"

#include "dsl/canonical.h"
#include "runtime/error.h"
#include "search/cell_text.h"
#include "search/paths.h"
#include "tests/support/temporary_folder.h"
#include <fmt/format.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <map>
#include <set>

namespace cellwright {

using nlohmann::json;

namespace {

std::string missingPathOf(const std::string &cell) {
  std::string missing;
  withCell(cell, [&](const Program &, const CheckedCell &checked) {
    missing = findMissingPath(checked.cell).value_or("");
  });
  return missing;
}

const std::string kSpace = R"(
fn gate(a, b) = choose(sigmoid, hard_sigmoid)(linear(a, b))
cell my_space {
  input x[I]
  state h[H]
  z = gate(x, h)
  choose candidate {
    n = tanh(linear(x, z * h))
  |
    n = choose bend(9: tanh, relu, 2: choose_me)(linear(x, h))
  }
  h' = z * h + (1 - z) * n
  fn choose_me(v) = choose inner { v | v * v | abs(v) }
}
)";

/// A file with a space.
std::string writeSpace(const TemporaryFolder &folder, const std::string &text) {
  std::string path = folder / "space.cell";
  std::ofstream(path) << text;
  return path;
}

} // namespace

TEST_CASE("every candidate of every space is a good cell that its genotype makes again") {
  auto check = [](const Space &space, const std::string &name, const Candidate &candidate) {
    INFO(name, "\n", candidate.cell);
    CHECK(printedCell(candidate.cell) == candidate.cell);
    Candidate again = space.make(candidate.genotype);
    CHECK(json::parse(again.genotype) == json::parse(candidate.genotype));
    CHECK(hashOfCell(again.cell) == hashOfCell(candidate.cell));
    Candidate found = space.make(space.genotypeOf(candidate.cell)); // by whoever wrote the cell
    CHECK(hashOfCell(found.cell) == hashOfCell(candidate.cell));
    if (space.name() != "jozefowicz")
      CHECK(json::parse(found.genotype) == json::parse(candidate.genotype));
    CHECK(candidate.parents.empty());
  };
  std::map<std::string, int> missing;
  std::unique_ptr<Space> mutants = makeSpace("jozefowicz");
  forEachMutant(200, [&](const std::string &name, const Candidate &candidate) {
    check(*mutants, name, candidate);
    ++missing[missingPathOf(candidate.cell).substr(0, 20)];
  });
  CHECK(missing[""] > 100);
  CHECK(missing["no state that the ou"] + missing["the output never dep"] > 5);
  for (const char *space : {"jozefowicz", "zoph_le", "enas", "darts", "nas_bench_nlp"}) {
    std::unique_ptr<Space> made = makeSpace(space);
    forEachSample(space, 100, [&](const std::string &name, const Candidate &candidate) {
      check(*made, name, candidate);
    });
  }
}

TEST_CASE("decisions give every candidate of the spaces that have them") {
  TemporaryFolder folder;
  std::string file = writeSpace(folder, kSpace);
  int deciding = 0;
  for (std::string name :
       {"jozefowicz", "zoph_le", "enas", "darts", "nas_bench_nlp", file.c_str()}) {
    CAPTURE(name);
    std::unique_ptr<Space> space = makeSpace(name);
    std::vector<int64_t> sizes = space->decisionSizes();
    if (sizes.empty()) {
      CHECK_THROWS_WITH_AS(space->decide({}), doctest::Contains("are no fixed number of decisions"),
                           Error);
      continue;
    }
    ++deciding;
    std::set<std::string> cells;
    Random random(1, "decisions");
    for (int i = 0; i < 200; ++i) {
      std::vector<int> chosen;
      for (int64_t size : sizes)
        chosen.push_back(static_cast<int>(random.below(static_cast<uint64_t>(size))));
      Candidate candidate = space->decide(chosen);
      CHECK(space->make(candidate.genotype).cell == candidate.cell);
      cells.insert(candidate.genotype);
    }
    CHECK(static_cast<double>(cells.size()) >= std::min(space->size(), 190.0));
  }
  CHECK(deciding == 4);
}

TEST_CASE("the same numbers give the same candidates, others others") {
  for (const SpaceRow &row : spaceRows()) {
    std::unique_ptr<Space> space = row.make();
    CAPTURE(row.name);
    std::set<std::string> cells;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Random first(seed, "a"), second(seed, "a");
      Candidate candidate = space->sample(first);
      CHECK(candidate == space->sample(second));
      CHECK(space->mutate(candidate, first) == space->mutate(candidate, second));
      cells.insert(candidate.cell);
    }
    CHECK(cells.size() > 10);
  }
}

TEST_CASE("a mutation says what it did, and which equations it changed") {
  for (const char *name : {"jozefowicz", "zoph_le", "enas", "darts"}) {
    std::unique_ptr<Space> space = makeSpace(name);
    Random random(3, "edits");
    Candidate candidate = space->sample(random);
    for (int i = 0; i < 30; ++i) {
      std::optional<Candidate> mutant = space->mutate(candidate, random);
      if (!mutant) { // nothing is left of it but states
        CHECK(candidate.cell.find('(') == std::string::npos);
        candidate = space->sample(random);
        continue;
      }
      INFO(mutant->edit);
      CHECK(!mutant->edit.empty());
      bool hasLines = mutant->edit.find("\n-") != std::string::npos ||
                      mutant->edit.find("\n+") != std::string::npos;
      CHECK(hasLines == (mutant->cell != candidate.cell));
      candidate = *mutant;
    }
  }
}

TEST_CASE("all six mutations of Jozefowicz et al. are made") {
  std::unique_ptr<Space> space = makeSpace("jozefowicz");
  std::map<std::string, int> edits;
  Random random(1, "edits");
  for (int i = 0; i < 300; ++i) {
    Candidate start = space->starts()[random.below(2)];
    std::optional<Candidate> mutant = space->mutate(start, random);
    REQUIRE(mutant.has_value());
    std::string edit = mutant->edit.substr(0, mutant->edit.find('\n'));
    if (edit.starts_with("`") && edit.find("` of ") != std::string::npos)
      ++edits["operation of ancestors"];
    else if (edit.find(" stands for ") != std::string::npos)
      ++edits["ancestor"];
    else if (edit.find(" between ") != std::string::npos)
      ++edits["inserted"];
    else if (edit.ends_with(" is taken away"))
      ++edits["removed"];
    else if (edit.find(": `") != std::string::npos)
      ++edits["operation"];
    else if (edit.find(" becomes ") != std::string::npos)
      ++edits["activation"];
  }
  for (const char *kind :
       {"operation of ancestors", "ancestor", "inserted", "removed", "operation", "activation"})
    CHECK_MESSAGE(edits[kind] > 5, kind);
}

TEST_CASE("jozefowicz starts with the shipped lstm and gru") {
  std::vector<Candidate> starts = makeSpace("jozefowicz")->starts();
  REQUIRE(starts.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    Frontend frontend;
    CheckedCell shipped = frontend.findCell(i == 0 ? "lstm" : "gru");
    CHECK(hashOfCell(starts[i].cell) == cellHash(shipped.cell));
  }
}

TEST_CASE("crossover takes from both") {
  for (const char *name : {"zoph_le", "enas", "darts"}) {
    std::unique_ptr<Space> space = makeSpace(name);
    Random random(5, "cross");
    Candidate a = space->sample(random), b = space->sample(random);
    Candidate child = space->crossover(a, b, random).value();
    CHECK(child.cell != a.cell);
    CHECK(child.cell != b.cell);
    CHECK(space->crossover(a, a, random)->cell == a.cell);
  }
}

TEST_CASE("sizes of spaces") {
  CHECK(makeSpace("zoph_le")->size() == std::pow(8.0, 15) * 8 * 8 * 15);
  CHECK(makeSpace("darts")->size() == std::pow(4.0, 8) * 40320);
  CHECK(makeSpace("enas")->size() == std::pow(4.0, 12) * 39916800);
  CHECK(std::isinf(makeSpace("jozefowicz")->size()));
}

TEST_CASE("a file with choices is a space") {
  TemporaryFolder folder;
  std::unique_ptr<Space> space = makeSpace(writeSpace(folder, kSpace));
  CHECK(space->size() == 2 * (1 + (1 + 1 + 3)));
  Random random(1, "file");
  std::set<std::string> cells;
  int tanhs = 0, bends = 0;
  for (int i = 0; i < 300; ++i) {
    Candidate candidate = space->sample(random);
    cells.insert(candidate.cell);
    json genotype = json::parse(candidate.genotype);
    bends += genotype.contains("bend");
    tanhs += genotype.value("bend", 0) == 1;
    CHECK(genotype.contains("inner") == (genotype.value("bend", 0) == 3));
    CHECK(space->make(candidate.genotype) == candidate);
  }
  CHECK(cells.size() == 12);
  CHECK(tanhs > bends / 2); // 9 of 12
  Candidate candidate = space->sample(random);
  for (int i = 0; i < 20; ++i) {
    Candidate mutant = space->mutate(candidate, random).value();
    CHECK(mutant.cell != candidate.cell);
    CHECK(space->make(mutant.genotype).cell == mutant.cell);
    CHECK_NOTHROW(space->crossover(mutant, candidate, random));
    candidate = mutant;
  }
}

TEST_CASE("what is no space, and no genotype, is refused with the reason") {
  CHECK_THROWS_WITH_AS(makeSpace("zoph"),
                       doctest::Contains("unknown space `zoph`; expected one of"), Error);
  CHECK_THROWS_WITH_AS(makeSpace("none.cell"), doctest::Contains("cannot read `none.cell`"), Error);
  TemporaryFolder folder;
  std::string broken =
      writeSpace(folder, "cell a {\n state h[H]\n h' = choose { h | sigmod(h) }\n}\n");
  std::unique_ptr<Space> space = makeSpace(broken);
  CHECK_THROWS_WITH_AS(space->make(R"({"h": 2})"), doctest::Contains("unknown function `sigmod`"),
                       Error);
  CHECK_THROWS_WITH_AS(space->make(R"({"h": 3})"), doctest::Contains("is set to 3"), Error);
  CHECK_THROWS_WITH_AS(space->make("{}"), doctest::Contains("choice `h` is open"), Error);
  for (const SpaceRow &row : spaceRows())
    for (const char *genotype : {"", "[", "3", "{}", "[1, 2]", R"({"nodes": 3})",
                                 R"({"recurrent": [["tan", 0]], "concat": [1]})",
                                 R"({"nodes": [{"op": "add", "of": [0, 1]}], "nexts": [0]})"}) {
      CAPTURE(genotype);
      CHECK_THROWS_AS(row.make()->make(genotype), Error);
    }
}

TEST_CASE("paths over any number of steps are found, missing ones named") {
  auto missing = [](const std::string &statements) {
    return missingPathOf("cell a {\n input x[H]\n state h[H], c[H]\n" + statements + "\n}");
  };
  CHECK(missing("c' = c + x\n h' = h * c") == "");
  CHECK(missing("c' = h * x\n h' = tanh(c)") == "");
  CHECK(missing("c' = x\n h' = tanh(h) * x") == "");
  CHECK(missing("c' = x\n h' = tanh(c)") ==
        "no state that the output depends on depends on its own past");
  CHECK(missing("c' = x\n h' = tanh(h)") == "the output never depends on the input `x`");
}

} // namespace cellwright
