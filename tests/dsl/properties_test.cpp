// What must hold for every cell: shipped ones, those of cells/ here, and random ones.
#include "random_cells.h"
#include "support.h"

#include "dsl/format.h"
#include "dsl/library.h"
#include "dsl/print.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

namespace cellwright::test {

namespace {

std::string format(const std::string &text) {
  Diagnostics problems;
  std::optional<std::string> formatted = formatText(text, 0, problems);
  REQUIRE_MESSAGE(formatted, text);
  return *formatted;
}

std::string canonical(const CheckedCell &checked) {
  return std::string(canonicalText(checked.cell).view());
}

/// All dimensions are 4, a number for which every division of the cells here is exact.
Bound bindAll(const Cell &cell) {
  std::map<std::string, int64_t> numbers;
  std::vector<SizeFact> facts;
  for (const Dimension &dimension : cell.dimensions)
    addDimensionFact(cell, dimension.name, 4, facts);
  Diagnostics problems;
  std::optional<Bound> bound = bindCell(cell, facts, problems);
  REQUIRE_MESSAGE(bound, renderDiagnostics(problems, {}));
  return *bound;
}

/// The results of three training steps of two sequences; parameters are drawn by their names.
std::vector<Elements> runCell(const Cell &cell) {
  Bound bound = bindAll(cell);
  auto draw = [&](const Text &name, int64_t count) {
    std::mt19937 random(hashText(name));
    Elements elements;
    for (int64_t i = 0; i < count; ++i)
      elements.push_back(std::uniform_real_distribution<>(-1, 1)(random));
    return elements;
  };
  SequenceInput input;
  input.steps = 3;
  input.sequences = 2;
  input.seed = 1;
  for (const Input &each : cell.inputs)
    input.inputs.push_back(
        draw(each.name, bound.elements(each.shape) * 2 * (each.perSequence ? 1 : 3)));
  for (const State &state : cell.states)
    input.firstStates.push_back(draw(state.name, bound.elements(state.shape) * 2));
  for (const Param &param : cell.params)
    input.params.push_back(draw(param.name, bound.elements(param.shape)));
  SequenceResult result = interpretSequence(cell, bound, input);
  std::vector<Elements> all = std::move(result.states);
  all.push_back(std::move(result.output));
  return all;
}

/// Whether the same bits came out, NaN included.
bool areSame(const std::vector<Elements> &a, const std::vector<Elements> &b) {
  auto isSame = [](const Elements &x, const Elements &y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof x[0]) == 0;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), isSame);
}

std::vector<std::string> paramTexts(const Cell &cell) {
  std::vector<std::string> texts;
  for (const Param &param : cell.params)
    texts.push_back(
        std::string(param.name.view()) + std::string(shapeText(cell, param.shape).view()) + " " +
        std::to_string(static_cast<int>(param.initializer.kind)) + (param.frozen ? " frozen" : "") +
        (param.initializer.linearOfState ? " of state" : ""));
  return texts;
}

/// A printed cell is a legal cell, alone in its file, with the same parameters and results.
void checkPrinted(const Program &program, const CheckedCell &checked) {
  std::string printed = printCell(program, checked);
  CAPTURE(printed);
  Checked again = check(printed);
  REQUIRE_MESSAGE(again.isGood(), again.problems);
  CHECK(again.cells.size() == 1);
  CHECK(printCell(again.frontend->program(), again.cells[0]) == printed);
  CHECK(canonical(again.cells[0]) == canonical(checked));
  CHECK(paramTexts(again.cell()) == paramTexts(checked.cell));
  CHECK(areSame(runCell(again.cell()), runCell(checked.cell)));
}

/// A text and its layout define the same cells; a second layout changes nothing.
void checkFormatted(const std::string &text) {
  std::string formatted = format(text);
  CAPTURE(formatted);
  CHECK(format(formatted) == formatted);
  CHECK(std::count(text.begin(), text.end(), '#') ==
        std::count(formatted.begin(), formatted.end(), '#'));
  Checked before = check(text);
  Checked after = check(formatted);
  REQUIRE(before.cells.size() == after.cells.size());
  for (size_t i = 0; i < before.cells.size(); ++i)
    CHECK(canonical(before.cells[i]) == canonical(after.cells[i]));
}

} // namespace

TEST_CASE("printed shipped cells have the same parameters and results, to the bit") {
  Frontend frontend;
  frontend.addLibrary();
  frontend.checkAll();
  for (CellId cell = 0; cell < static_cast<CellId>(frontend.program().cells.size()); ++cell) {
    CAPTURE(std::string(frontend.program().nameOf(cell)));
    checkPrinted(frontend.program(), frontend.check(cell));
  }
}

TEST_CASE("printed and formatted cells of the tests have the same parameters and results") {
  for (const auto &entry : std::filesystem::directory_iterator("cells")) {
    CAPTURE(entry.path().string());
    std::string text = readFile(entry.path().string());
    checkFormatted(text);
    Checked checked = check(text);
    for (const CheckedCell &cell : checked.cells)
      checkPrinted(checked.frontend->program(), cell);
  }
}

TEST_CASE(
    "random cells are good, and keep their parameters and results when printed and formatted") {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    std::string text = makeRandomCells(seed);
    CAPTURE(seed);
    CAPTURE(text);
    Checked checked = check(text);
    for (size_t i = 0; i < checked.cells.size(); ++i) {
      REQUIRE_MESSAGE(checked.isGood(i), checked.problems);
      checkPrinted(checked.frontend->program(), checked.cells[i]);
    }
    checkFormatted(text);
  }
}

} // namespace cellwright::test
