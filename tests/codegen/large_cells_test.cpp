// Cells of thousands of operations: they compile in time that grows about as they do, without deep
// recursion, and are right.
#include "cell_checks.h"

#include "fmt/format.h"
#include <doctest/doctest.h>

#include <cmath>
#include <ctime>

namespace cellwright {

namespace {

std::string unrolled(const std::string &step, int64_t count) {
  return fmt::format("cell large {{\n  input x[H]\n  state h[H]\n  y = h\n  repeat l in 1..{} {{\n"
                     "    {}\n  }}\n  h' = y\n}}\n",
                     count, step);
}

/// Parameters, each added once.
std::string manyParams(int64_t count) {
  std::string text = "cell large {\n  input x[H]\n  state h[H]\n";
  std::string sum;
  for (int64_t i = 0; i < count; ++i) {
    text += fmt::format("  param p{}[H]\n", i);
    sum += fmt::format("{}p{}", i == 0 ? "" : " + ", i);
  }
  return text + "  h' = 0.1 * tanh(x + h) * (" + sum + ")\n}\n";
}

double processorSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double compileSeconds(const std::string &text) {
  TestCell cell = cellOfText(text, {{"H", 16}});
  double begin = processorSeconds();
  compileCell(cell.cell(), cell.bound, {});
  return processorSeconds() - begin;
}

/// What does not hold of two steps in f64, by derivatives along directions.
std::vector<std::string> problemsInDouble(const TestCell &cell) {
  CellCheck check;
  check.compile.isDouble = true;
  check.run.steps = 2;
  check.run.samples = 0;
  return problemsOf(cell, check);
}

} // namespace

TEST_CASE("hundreds of products that one phase could do are right") {
  std::string text = "cell wide {\n  input x[H]\n  state h[H]\n", sum;
  for (int i = 0; i < 80; ++i) {
    text +=
        fmt::format("  y{} = tanh(linear(h)){}\n", i, i == 0 ? "" : fmt::format(" * y{}", i / 2));
    sum += fmt::format("{}y{}", i == 0 ? "" : " + ", i);
  }
  TestCell cell = cellOfText(text + "  h' = 0.1 * tanh(" + sum + " + x)\n}\n", {{"H", 3}});
  for (const std::string &problem : problemsInDouble(cell))
    FAIL_CHECK(problem);
}

TEST_SUITE_BEGIN("slow");

TEST_CASE("thousands of products that one phase could do find room on the stack") {
  std::string text = "cell wide {\n  input x[H]\n  state h[H]\n", sum;
  for (int i = 0; i < 3000; ++i) {
    text += fmt::format("  y{} = linear(h)\n", i);
    sum += fmt::format("{}sigmoid(y{})", i == 0 ? "" : " + ", i);
  }
  TestCell cell = cellOfText(text + "  h' = 0.0003 * (" + sum + ") + x\n}\n", {{"H", 2}});
  CompileOptions options;
  options.hasBackward = false;
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
  SequenceInput input = makeRandomInput(cell.cell(), cell.bound, {}, false);
  Elements found = executeCell(kernel, input, nullptr, 2).forward.output;
  Elements expected = interpretSequence(cell.cell(), cell.bound, input).output;
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(std::abs(found[i] - expected[i]) <= 1e-5);
}

TEST_CASE("four times the operations compile in less than eight times the time") {
  struct Kind {
    const char *what;
    std::function<std::string(int64_t)> text;
    int64_t count;
  };
  const Kind kinds[] = {
      {"cheap operations", [](int64_t n) { return unrolled("y = 0.5 * y + x * y", n); }, 250},
      {"functions", [](int64_t n) { return unrolled("y = tanh(y + x)", n); }, 100},
      {"products", [](int64_t n) { return unrolled("y = tanh(linear(y))", n); }, 30},
      {"reductions", [](int64_t n) { return unrolled("y = softmax(y + x)", n); }, 30},
      {"parameters", manyParams, 250},
  };
  compileSeconds(kinds[0].text(1)); // what is done once
  for (const Kind &kind : kinds) {
    double few = compileSeconds(kind.text(kind.count));
    double many = compileSeconds(kind.text(4 * kind.count));
    CHECK_MESSAGE(many < 8 * few, kind.what, ": ", few, " s and ", many, " s");
  }
}

TEST_CASE("long chains of cheap operations and of products are right") {
  for (const std::string step : {"y = 0.9 * y + 0.1 * x * y", "y = tanh(y + 0.1 * x)"}) {
    TestCell cell = cellOfText(unrolled(step, 2000), {{"H", 3}});
    CellCheck check;
    check.compile.isDouble = true;
    check.run.steps = 2;
    check.run.sequences = 2;
    check.run.samples = 1;
    for (const std::string &problem : problemsOf(cell, check))
      FAIL_CHECK(step, ": ", problem);
  }
  TestCell cell = cellOfText(unrolled("y = tanh(y + linear(y))", 100), {{"H", 3}});
  for (const std::string &problem : problemsInDouble(cell))
    FAIL_CHECK(problem);
}

TEST_SUITE_END();

} // namespace cellwright
