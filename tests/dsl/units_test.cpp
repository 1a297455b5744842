// The parts below the checker: symbolic sizes, decimal numbers, suggestions, analysis of cells,
// whole sequences.
#include "support.h"

#include "dsl/decimal.h"
#include "dsl/library.h"
#include "dsl/size_solver.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <random>
#include <set>

namespace cellwright::test {

//===-- Sizes ---------------------------------------------------------------------------------===//

namespace {

/// A table with the dimensions H, I, K and short names for making sizes.
struct Sizes {
  SizeTable table;
  SizeId H = add("H", 0);
  SizeId I = add("I", 1);
  SizeId K = add("K", 2);

  SizeId add(std::string_view name, int32_t index) {
    return table.ofAtom(table.addAtom({.kind = AtomKind::Dimension, .index = index, .name = name}));
  }
  SizeId number(int64_t value) { return table.number(value); }
  std::string text(SizeId size) { return std::string(table.text(size).view()); }
};

} // namespace

TEST_CASE("sizes are equal when their normal forms are") {
  Sizes s;
  SizeTable &t = s.table;
  CHECK(t.add(s.H, s.I) == t.add(s.I, s.H));
  CHECK(t.subtract(t.add(s.H, s.I), s.I) == s.H);
  CHECK(t.multiply(t.add(s.H, s.I), t.add(s.H, s.I)) ==
        t.add(t.add(t.multiply(s.H, s.H), t.multiply(s.number(2), t.multiply(s.I, s.H))),
              t.multiply(s.I, s.I)));
  CHECK(t.divide(t.multiply(s.H, s.I), s.I) == s.H);
  CHECK(t.divide(t.add(t.multiply(s.number(2), s.H), t.multiply(s.number(2), s.I)),
                 t.add(s.H, s.I)) == s.number(2));
  CHECK(t.divide(s.H, t.add(s.H, s.I)) == t.divide(s.H, t.add(s.I, s.H)));
}

TEST_CASE("sizes are written as the language writes them") {
  Sizes s;
  SizeTable &t = s.table;
  CHECK(s.text(t.add(t.multiply(s.number(2), s.H), s.number(1))) == "2 * H + 1");
  CHECK(s.text(t.subtract(s.number(1), s.H)) == "1 - H");
  CHECK(s.text(t.divide(t.multiply(s.number(3), s.H), s.number(2))) == "3 * H / 2");
  CHECK(s.text(t.divide(t.add(s.H, s.number(1)), s.number(2))) == "(H + 1) / 2");
  CHECK(s.text(t.divide(t.add(s.H, s.I), t.add(s.H, s.number(1)))) == "(H + I) / (H + 1)");
  CHECK(s.text(t.divide(s.H, s.I)) == "H / I");
  CHECK(s.text(s.number(0)) == "0");
}

TEST_CASE("random sizes have the value of their text and of their parts") {
  Sizes s;
  std::mt19937 random(7);
  std::vector<std::pair<SizeId, double>> known = {
      {s.H, 6}, {s.I, 10}, {s.K, 15}, {s.number(2), 2}, {s.number(3), 3}};
  int64_t numbers[] = {6, 10, 15};
  for (int i = 0; i < 400; ++i) {
    auto [a, x] = known[random() % known.size()];
    auto [b, y] = known[random() % known.size()];
    int operation = static_cast<int>(random() % 4);
    SizeId size = operation == 0   ? s.table.add(a, b)
                  : operation == 1 ? s.table.subtract(a, b)
                  : operation == 2 ? s.table.multiply(a, b)
                                   : s.table.divide(a, b);
    double value = operation == 0 ? x + y : operation == 1 ? x - y : operation == 2 ? x * y : x / y;
    if (size == kNoSize || !(std::abs(value) < 1e6))
      continue;
    Rational found = s.table.evaluate(size, numbers);
    if (!found.isValid)
      continue;
    CAPTURE(s.text(size));
    CHECK(static_cast<double>(found.numerator) / static_cast<double>(found.denominator) ==
          doctest::Approx(value));
    if (known.size() < 60)
      known.push_back({size, value});
  }
}

TEST_CASE("sizes report overflow and too many terms instead of wrapping") {
  Sizes s;
  SizeTable &t = s.table;
  SizeId huge = t.multiply(s.number(INT64_MAX / 2), s.H);
  CHECK(t.multiply(huge, s.number(4)) == kNoSize);
  CHECK(t.add(t.add(huge, huge), huge) == kNoSize);
  CHECK(t.divide(s.H, s.number(0)) == kNoSize);
  CHECK(t.add(kNoSize, s.H) == kNoSize);
  SizeId sum = s.number(0);
  for (int i = 0; i < 64; ++i)
    sum = t.add(sum, s.add("A" + std::to_string(i), 3 + i));
  CHECK(sum != kNoSize);
  CHECK(t.add(sum, s.H) == kNoSize);
  int64_t numbers[] = {INT32_MAX, INT32_MAX, INT32_MAX};
  CHECK(!t.evaluate(t.multiply(t.multiply(s.H, s.I), t.multiply(s.K, s.H)), numbers).isValid);
}

TEST_CASE("unknown sizes are solved whatever the order of their equations") {
  Sizes s;
  SizeSolver solver(s.table);
  SizeId a = solver.makeUnknown({});
  SizeId b = solver.makeUnknown({});
  SizeId c = solver.makeUnknown({});
  CHECK(solver.unify(s.table.add(a, b), c, {}) == Unification::Same);
  CHECK(solver.unify(c, s.table.multiply(s.number(3), s.H), {}) == Unification::Same);
  CHECK(solver.unify(a, s.H, {}) == Unification::Same);
  CHECK(solver.resolve(b) == s.table.multiply(s.number(2), s.H));
  CHECK(solver.unify(b, s.H, {}) == Unification::Mismatch);
  CHECK(solver.unify(s.H, s.I, {}) == Unification::Mismatch);
}

//===-- Numbers and names ---------------------------------------------------------------------===//

TEST_CASE("numbers are read to the nearest double, at compile time too") {
  static_assert(readNumber("1e-3") == 1e-3);
  static_assert(readNumber("0.1") == 0.1);
  static_assert(readNumber("2.5E+4") == 2.5e4);
  static_assert(readNumber("0.39894228040143267794") == 0.39894228040143267794);
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int k = static_cast<int>(random() % 25); k >= 0; --k)
      text += static_cast<char>('0' + random() % 10);
    if (random() % 2) {
      text += ".";
      for (int k = static_cast<int>(random() % 25); k >= 0; --k)
        text += static_cast<char>('0' + random() % 10);
    }
    if (random() % 4)
      text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
    CAPTURE(text);
    REQUIRE(readNumber(text) == std::strtod(text.c_str(), nullptr));
    REQUIRE(readNumberExactly(text) == std::strtod(text.c_str(), nullptr));
  }
}

TEST_CASE("numbers are written so that they read back as the same double") {
  for (double number :
       {0.0, 1.0, -2.0, 0.5, 0.1, 1e-5, 1e300, 123456789.125, 1e15, -1e22, 1.0 / 3}) {
    Text text;
    appendNumber(text, number);
    CHECK(std::strtod(std::string(text.view()).c_str(), nullptr) == number);
  }
}

TEST_CASE("suggestions are near names only") {
  SuggestionBudget budget;
  auto suggest = [&](std::string_view name, std::vector<std::string_view> candidates) {
    Suggestion suggestion(name, budget);
    for (std::string_view candidate : candidates)
      suggestion.consider(candidate);
    return std::string(suggestion.bestCandidate());
  };
  CHECK(suggest("sigmod", {"sigmoid", "sign"}) == "sigmoid");
  CHECK(suggest("hten", {"then", "tanh"}) == "then");
  CHECK(suggest("x", {"h", "c"}) == "");
  CHECK(suggest("hh", {"c", "h"}) == "h");
  CHECK(suggest("gate", {"completely", "different"}) == "");
  CHECK(editDistance("abc", "abc", 3) == 0);
  CHECK(editDistance("abcd", "acbd", 3) == 1);
  CHECK(editDistance("abcd", "xyz", 2) == 3);
}

//===-- Cells ---------------------------------------------------------------------------------===//

TEST_CASE("dependent products are the longest chain from a state to a next state") {
  auto count = [](const std::string &name) {
    Frontend frontend;
    CheckedCell checked = frontend.findCell(name);
    REQUIRE(checked.isGood);
    return countDependentProducts(checked.cell);
  };
  CHECK(count("cells/lstm.cell:lstm") == 1);
  CHECK(count("cells/gru.cell") == 2);
  CHECK(count("cells/mut1.cell") == 2);
  CHECK(count("cells/rhn.cell") == 3);
  Checked checked = check(cellWith("h' = tanh(linear(x)) + 0.5 * h"));
  CHECK(countDependentProducts(checked.cell()) == 0);
}

TEST_CASE("parameters are counted with their numbers") {
  Checked checked = check(readFile("cells/lstm.cell"));
  CHECK(countParameters(checked.cell(), bind(checked.cell(), {{"I", 3}, {"H", 5}})) ==
        4 * (5 * 3 + 5 * 5 + 5));
}

TEST_CASE("shipped cells have no problems, and their names differ") {
  Frontend frontend;
  frontend.addLibrary();
  frontend.checkAll();
  const Program &program = frontend.program();
  std::map<std::string, int> names;
  for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell) {
    CAPTURE(std::string(program.nameOf(cell)));
    CHECK(frontend.check(cell).isGood);
    CHECK(++names[std::string(program.nameOf(cell))] == 1);
  }
  CHECK(frontend.renderProblems() == "");
  CHECK(libraryFiles().size() > 0);
}

TEST_CASE("a file in cells/ is all that a shipped cell takes") {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> files;
  for (const auto &entry : fs::directory_iterator("../../cells"))
    if (entry.path().extension() == ".cell")
      files[entry.path().filename().string()] = readFile(entry.path().string());
  std::map<std::string, std::string> shipped;
  for (const LibraryFile &file : libraryFiles())
    shipped[std::string(file.name)] = file.text;
  CHECK(shipped == files);

  // No code knows a cell by its name; the command line names some in its help and defaults, and
  // spaces say which cells they start from. One table says which cells other frameworks have: a
  // fact about them, which a new cell does not need; and a paper says what its controller is.
  const std::set<std::string> kNaming = {"training/weight_layouts.cpp",
                                         "search/lstm_controller.cpp"};
  for (const std::string &file : kNaming)
    CHECK(fs::exists("../../" + file));
  Frontend frontend;
  frontend.addLibrary();
  frontend.checkAll();
  std::vector<std::string> literals;
  for (CellId cell = 0; cell < static_cast<CellId>(frontend.program().cells.size()); ++cell)
    literals.push_back('"' + std::string(frontend.program().nameOf(cell)) + '"');
  for (std::string folder : {"dsl", "codegen", "runtime", "training", "search"}) {
    if (!fs::exists("../../" + folder))
      continue;
    for (const auto &entry : fs::recursive_directory_iterator("../../" + folder)) {
      std::string extension = entry.path().extension().string();
      bool isSpace = entry.path().string().find("search/spaces/") != std::string::npos;
      if ((extension != ".h" && extension != ".cpp" && extension != ".td") || isSpace)
        continue;
      if (kNaming.contains(folder + "/" + entry.path().filename().string()))
        continue;
      std::string text = readFile(entry.path().string());
      for (const std::string &literal : literals) {
        CAPTURE(entry.path().string());
        CAPTURE(literal);
        CHECK(text.find(literal) == std::string::npos);
      }
    }
  }
}

TEST_CASE("shipped cells say where they come from, and each deviation from that") {
  for (const LibraryFile &file : libraryFiles()) {
    CAPTURE(std::string(file.name));
    std::string text(file.text);
    std::string head = text.substr(0, text.find("\ncell "));
    CHECK(head.starts_with("# "));
    bool hasYear = head.find(" 19") != std::string::npos || head.find(" 20") != std::string::npos;
    CHECK(hasYear);
    CHECK(head.find("Deviation") != std::string::npos);
    // Further cells of a file have a comment of their own.
    for (size_t i = text.find("\ncell "); i != std::string::npos; i = text.find("\ncell ", i + 1)) {
      size_t line = text.rfind('\n', i - 1);
      CHECK(text[line == std::string::npos ? 0 : line + 1] == '#');
    }
  }
}

TEST_CASE("an LSTM step is what its equations say") {
  Checked checked = check(readFile("cells/lstm.cell"));
  const Cell &cell = checked.cell();
  std::map<std::string, Elements> values = {{"x", {0.5}}, {"h", {-0.25}}, {"c", {0.75}}};
  std::mt19937 random(3);
  for (const Param &param : cell.params)
    values[std::string(param.name.view())] = {std::uniform_real_distribution<>(-1, 1)(random)};
  auto gate = [&](const std::string &name) {
    return values["W_" + name + "_x"][0] * 0.5 + values["W_" + name + "_h"][0] * -0.25 +
           values["b_" + name][0];
  };
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  double c = sigmoid(gate("f")) * 0.75 + sigmoid(gate("i")) * std::tanh(gate("g"));
  double h = sigmoid(gate("o")) * std::tanh(c);
  CHECK(runStep(cell, {{"I", 1}, {"H", 1}}, values)[0] == doctest::Approx(h).epsilon(1e-15));
}

TEST_CASE("sequences end at their lengths, resets restore the first state") {
  Checked checked = check("cell a { input x[1]; state h[1]; h' = h + x; output y = h' * 10 }");
  SequenceInput input;
  input.steps = 3;
  input.sequences = 3;
  double inf = std::numeric_limits<double>::quiet_NaN();
  input.inputs = {{1, 1, inf, 2, 2, inf, 3, inf, inf}};
  input.firstStates = {{100, 200, 300}};
  input.lengths = {3, 2, 0};
  input.resets = {false, false, false, false, true, false, false, false, false};
  SequenceResult result = interpretSequence(checked.cell(), bind(checked.cell(), {}), input);
  CHECK(result.output == Elements{1010, 2010, 0, 1030, 2020, 0, 1060, 0, 0});
  CHECK(result.states[0] == Elements{101, 201, 0, 103, 202, 0, 106, 0, 0});
  CHECK(result.finalStates[0] == Elements{106, 202, 300});
}

TEST_CASE("a per-sequence input is the same at every step") {
  Checked checked = check("cell a { input u[1] per sequence; state h[1]; h' = h + exp(u) }");
  SequenceInput input;
  input.steps = 2;
  input.sequences = 2;
  input.inputs = {{0, 1}};
  input.firstStates = {{0, 0}};
  SequenceResult result = interpretSequence(checked.cell(), bind(checked.cell(), {}), input);
  CHECK(result.output == Elements{1, std::exp(1.0), 2, 2 * std::exp(1.0)});
}

} // namespace cellwright::test
