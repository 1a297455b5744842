// Whether the checks of gradients see what they are for: a rule that is wrong by a little, kinks,
// numbers that are none.
#include "cell_checks.h"

#include "fmt/format.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace cellwright {

namespace {

/// A call of a row on vectors in (0.5, 1.5), where every row is defined.
std::string cellTextFor(const Function &function) {
  constexpr std::string_view kNames = "abc";
  std::string parameters(function.parameters);
  auto count = static_cast<size_t>(std::count(parameters.begin(), parameters.end(), ',')) + 1;
  count -= parameters.find('=') != std::string::npos ? 1 : 0;
  std::string text = "cell f {\n  input a[K], b[K], c[K]\n";
  for (char name : kNames)
    text += fmt::format("  {0}1 = 0.5 + sigmoid({0})\n", name);
  std::string call(function.name);
  if (function.kind == FunctionClass::Operator) {
    call = function.name == "add"   ? "a1 + b1"
           : function.name == "sub" ? "a1 - b1"
           : function.name == "mul" ? "a1 * b1"
           : function.name == "div" ? "a1 / b1"
           : function.name == "neg" ? "-a1"
                                    : "a1 ^ 2.5";
  } else {
    call += "(";
    for (size_t i = 0; i < count; ++i)
      call += fmt::format("{}{}1{}", i == 0 ? "" : ", ", kNames[i],
                          function.name == "where" && i == 0 ? " - 1 > 0" : "");
    call += ")";
  }
  return text + "  output y[K] = 0.1 * a + " + call + "\n}\n";
}

CellCheck checkOf(const std::optional<AlteredRule> &rule) {
  CellCheck check;
  check.compile.isDouble = true;
  check.compile.alteredRule = rule;
  check.run.steps = 2;
  check.otherThreads = {};
  return check;
}

std::string replaced(const std::vector<std::string> &parts, size_t i, const std::string &part) {
  std::string text;
  for (size_t k = 0; k < parts.size(); ++k)
    text += (k == 0 ? "" : "; ") + (k == i ? part : parts[k]);
  return text;
}

std::vector<std::string> partsOf(std::string_view adjoint) {
  std::vector<std::string> parts;
  while (true) {
    size_t end = adjoint.find("; ");
    parts.emplace_back(adjoint.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    adjoint.remove_prefix(end + 2);
  }
}

/// A run of a cell by a kernel that gives the interpreter's values and these gradients of the
/// input.
std::vector<GradcheckRow> rowsFor(const std::string &text, const Elements &x,
                                  const Elements &gradient) {
  TestCell cell = cellOfText(text, {{"K", static_cast<int64_t>(x.size())}});
  GradcheckRun run;
  run.input.steps = run.input.sequences = 1;
  run.input.inputs = {x};
  run.adjoints.output = Elements(x.size(), 1.0);
  ExecutionResult found;
  found.forward = interpretSequence(cell.cell(), cell.bound, run.input);
  found.gradients.inputs = {gradient};
  return compareWithInterpreter(cell.cell(), cell.bound, run, found, true, {});
}

} // namespace

TEST_CASE("a rule that is wrong by a ten-thousandth is caught, for every operand of every row") {
  int64_t altered = 0;
  for (const Function &function : kFunctions) {
    // `identity` is gone before any rule is applied.
    if (function.use == FunctionUse::Internal || function.adjoint.empty() ||
        function.name == "identity")
      continue;
    TestCell cell = cellOfText(cellTextFor(function), {{"K", 5}});
    std::vector<std::string> intact = problemsOf(cell, checkOf(std::nullopt));
    CHECK_MESSAGE(intact.empty(), function.name, ": ", intact.empty() ? "" : intact.front());
    std::vector<std::string> parts = partsOf(function.adjoint);
    for (size_t i = 0; i < parts.size(); ++i) {
      std::string wrong = parts[i] == "0" ? "1e-4 * dy" : "1.0001 * (" + parts[i] + ")";
      AlteredRule rule{std::string(function.name), replaced(parts, i, wrong)};
      CHECK_MESSAGE(!problemsOf(cell, checkOf(rule)).empty(), function.name,
                    " passes with the rule ", rule.adjoint);
      ++altered;
    }
  }
  CHECK(altered > 40);
}

TEST_CASE("a rule with the wrong sign is caught in a shipped cell") {
  TestCell cell = cellByName("gru", {{"I", 3}, {"H", 5}});
  AlteredRule rule{"sigmoid", "-(dy * (y * (1 - y)))"};
  CHECK(problemsOf(cell, checkOf(std::nullopt)).empty());
  CHECK(!problemsOf(cell, checkOf(rule)).empty());
}

TEST_CASE("the worst element of a tensor is found wherever it stands") {
  const std::string text = "cell f {\n  input x[K]\n  output y = x * x\n}\n";
  Elements x(200), right(200);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.01 * static_cast<double>(i) - 1;
    right[i] = 2 * x[i];
  }
  CHECK(rowsFor(text, x, right).back().isGood());
  GradcheckRow row = rowsFor(text, {1, 2, 3}, {2, 4.5, 6}).back();
  CHECK(row.element == 1);
  CHECK(row.error == doctest::Approx(0.5 / 6));
  CHECK_FALSE(row.isGood());
}

TEST_CASE("a gradient that is no number is bad, and hides no other error") {
  const std::string text = "cell f {\n  input x[K]\n  output y = x * x\n}\n";
  for (double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_FALSE(rowsFor(text, {1, 2}, {2, bad}).back().isGood());
    // Among too many elements to take the difference of each.
    Elements x(200, 1.0), gradient(200, 2.0);
    gradient[173] = bad;
    GradcheckRow row = rowsFor(text, x, gradient).back();
    CHECK_FALSE(row.isGood());
    CHECK(row.element == 173);
    // What is compared is still compared with ordinary numbers.
    CHECK_FALSE(rowsFor(text, Elements(200, 1.0), Elements(200, 2.001)).back().isGood());
  }
}

TEST_CASE("differences near a kink get narrower; at a kink they say nothing, and say so") {
  const std::string text = "cell f {\n  input x[K]\n  output y = abs(x)\n}\n";
  GradcheckRow near = rowsFor(text, {3e-5, -3e-5, 1}, {1, -1, 1}).back();
  CHECK(near.kinks == 0);
  CHECK(near.isGood());
  CHECK_FALSE(rowsFor(text, {3e-5, -3e-5, 1}, {1, 1, 1}).back().isGood());
  GradcheckRow at = rowsFor(text, {1e-7, -1e-7, 1}, {0, 0, 1}).back();
  CHECK(at.kinks == 2);
  CHECK(at.compared == 1);
  CHECK_FALSE(at.isGood()); // mostly kinks
}

TEST_CASE("a loss that is no number leaves out the gradients that are numbers") {
  const std::string text = "cell f {\n  input x[K]\n  output y = sqrt(x)\n}\n";
  GradcheckRow row = rowsFor(text, {-1, 4, 16}, {std::nan(""), 0.25, 0.125}).back();
  CHECK(row.compared == 1);
  CHECK(row.kinks == 2);
  CHECK(row.error == 0);
  CHECK_FALSE(row.isGood()); // says too little
}

} // namespace cellwright
