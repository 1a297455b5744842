// Filters: what each finds, and that every shipped cell passes.
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

/// Both kinds of filters, as a search applies them.
static FilterVerdict filterCell(const std::string &cell, FilterOptions options) {
  FilterVerdict verdict = filterByEquations(cell, options);
  options.hyper.hidden = verdict.hidden;
  if (!verdict.filtered)
    verdict.filtered = filterByGradient(cell, options);
  return verdict;
}

static std::string verdictOn(const std::string &cell, const FilterOptions &options) {
  auto filtered = filterCell(cell, options).filtered;
  return filtered ? std::string(nameOf(filtered->filter)) + ": " + filtered->reason : "";
}

TEST_CASE("shipped cells pass, but for two whose gradients are gone after fifty steps") {
  for (const std::string &name : test::shippedCells()) {
    CAPTURE(name);
    FilterVerdict verdict = filterCell(test::shippedText(name), optionsFor("adding"));
    // rhn begins with five carry gates of 1/2 a step, indrnn with rectified units that random
    // inputs switch off.
    bool isGone = name == "rhn" || name == "indrnn";
    CHECK(verdict.filtered.has_value() == isGone);
    if (verdict.filtered)
      CHECK_MESSAGE(verdict.filtered->filter == Filter::Vanishing, verdict.filtered->reason);
    else
      CHECK(verdict.hidden == 16);
  }
}

TEST_CASE("cells over symbols pass too") {
  for (const char *name : {"lstm", "gru", "mut1"}) {
    CAPTURE(name);
    CHECK_FALSE(filterCell(test::shippedText(name), optionsFor("memorization")).filtered);
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
  // A state that remembers, but that nobody reads.
  CHECK(verdictOn("cell c {\n  input x[I]\n  state h[H], s[H]\n  s' = tanh(linear(x, s))\n"
                  "  h' = tanh(linear(x))\n  output y = h'\n}\n",
                  options) == "path: no state that the output depends on depends on its own past");
}

TEST_CASE("gradients that vanish or explode over fifty steps are found") {
  FilterOptions options = optionsFor("adding");
  CHECK(verdictOn(cellOf("  h' = linear(x) + 0.2 * h"), options) ==
        "vanishing: a step leaves 0.2 of the gradient, expected 0.25 at least");
  std::string exploding = verdictOn(cellOf("  h' = linear(x) + 3 * h"), options);
  CHECK(exploding == "exploding: a step multiplies the gradient by 3, expected 2 at most");
  CHECK(verdictOn(cellOf("  h' = linear(x) + 1e9 * h"), options).starts_with("exploding: "));
  CHECK(verdictOn(cellOf("  h' = linear(x) + 1e-9 * h"), options).starts_with("vanishing: "));
  // A scale that takes a good cell out of the range.
  options.hyper.initScale = 8;
  CHECK(verdictOn(cellOf("  h' = linear(x, h)"), options).starts_with("exploding: "));
}

TEST_CASE("a gradient's change per step is that of a linear recurrence") {
  StackDescription description;
  description.cells = {cellOf("  h' = linear(x) + 0.8 * h")};
  description.takesSymbols = false;
  description.inputSize = 3;
  description.outputSize = 1;
  description.hidden = 10;
  ModelStack stack(description);
  CompiledStack compiled(stack, {});
  GradientFlow flow = measureGradientFlow(*compiled.training()->layers[0].cell, 1, 1);
  CHECK(flow.perStep == doctest::Approx(0.8).epsilon(1e-5));
}

TEST_CASE("a budget gives the size or refuses the cell") {
  FilterOptions options = optionsFor("adding");
  options.mostParams = 1000;
  FilterVerdict verdict = filterCell(test::shippedText("gru"), options);
  CHECK_FALSE(verdict.filtered);
  CHECK(3 * verdict.hidden * (2 + verdict.hidden + 1) + verdict.hidden + 1 <= 1000);
  options.mostParams = 5;
  CHECK(verdictOn(test::shippedText("gru"), options) == "size: no size has at most 5 parameters");
}

TEST_CASE("what does not check is said with the problems") {
  CHECK(verdictOn(cellOf("  h' = hh"), optionsFor("adding"))
            .starts_with("check: the model's layer 0 is wrong:"));
}

} // namespace cellwright
