// Filters of equations: what each finds, and that every shipped cell passes.
#include "search/filters.h"

#include "tests/search/cell_texts.h"
#include "tests/support/shipped_cells.h"

#include <doctest/doctest.h>

namespace cellwright {

static FilterOptions optionsFor(const std::string &task) {
  FilterOptions options;
  options.form = makeTask(task)->form();
  options.hyper.hidden = 16;
  return options;
}

/// A cell with some statements.
static std::string cellOf(const std::string &statements) {
  return "cell c {\n  input x[I]\n  state h[H]\n" + statements + "\n}\n";
}

static std::string verdictOn(const std::string &cell, const FilterOptions &options) {
  auto filtered = filterByEquations(cell, options).filtered;
  return filtered ? std::string(nameOf(filtered->filter)) + ": " + filtered->reason : "";
}

TEST_CASE("shipped cells pass, over vectors and symbols") {
  for (const char *task : {"adding", "memorization"})
    for (const std::string &name : test::shippedCells()) {
      CAPTURE(name);
      FilterVerdict verdict = filterByEquations(test::shippedText(name), optionsFor(task));
      CHECK_FALSE(verdict.filtered);
      CHECK(verdict.hidden == 16);
    }
}

TEST_CASE("a cell without a path from an input or from a state to itself is found") {
  FilterOptions options = optionsFor("adding");
  CHECK(verdictOn(cellOf("  h' = tanh(linear(h))"), options) ==
        "path: the output never depends on the input `x`");
  CHECK(verdictOn(cellOf("  h' = tanh(linear(x))"), options) ==
        "path: no state that the output depends on depends on its own past");
  // Through another state, and through time.
  CHECK(verdictOn("cell c {\n  input x[I]\n  state h[H], last[I]\n  last' = x\n"
                  "  h' = tanh(linear(last, h))\n}\n",
                  options) == "");
  CHECK(verdictOn("cell c {\n  input x[I]\n  state a[H], b[H]\n  a' = tanh(linear(x, b))\n"
                  "  b' = tanh(linear(a))\n  output y = a'\n}\n",
                  options) == "");
  // What is always zero is no path.
  CHECK(verdictOn(cellOf("  v = linear(x, h)\n  h' = tanh(v - v)"), options).starts_with("path: "));
  CHECK(verdictOn(cellOf("  v = linear(x)\n  h' = v + (v - v) * h"), options) ==
        "path: no state that the output depends on depends on its own past");
  // A state that remembers, but that nobody reads.
  CHECK(verdictOn("cell c {\n  input x[I]\n  state h[H], s[H]\n  s' = tanh(linear(x, s))\n"
                  "  h' = tanh(linear(x))\n  output y = h'\n}\n",
                  options) == "path: no state that the output depends on depends on its own past");
}

TEST_CASE("a budget gives the size or refuses the cell") {
  FilterOptions options = optionsFor("adding");
  options.mostParams = 1000;
  FilterVerdict verdict = filterByEquations(test::shippedText("gru"), options);
  CHECK_FALSE(verdict.filtered);
  CHECK(3 * verdict.hidden * (2 + verdict.hidden + 1) + verdict.hidden + 1 <= 1000);
  options.mostParams = 5;
  CHECK(verdictOn(test::shippedText("gru"), options) == "size: no size has at most 5 parameters");
}

TEST_CASE("a cell that takes only some sizes gets one of them") {
  FilterOptions options = optionsFor("adding");
  options.hyper.hidden = 128; // does not divide by 3
  options.mostParams = 5000;
  FilterVerdict verdict = filterByEquations("cell c {\n  input x[I]\n  state h[H]\n"
                                            "  u[H / 3] = linear(x, h)\n"
                                            "  h' = tanh(linear(u)) + 0.5 * h\n}\n",
                                            options);
  CHECK_FALSE(verdict.filtered);
  CHECK(verdict.hidden % 3 == 0);
  CHECK(verdict.hidden > 30);
}

TEST_CASE("what does not check is said with the problems") {
  CHECK(verdictOn(cellOf("  h' = hh"), optionsFor("adding"))
            .starts_with("check: the model's layer 0 is wrong:"));
}

} // namespace cellwright
