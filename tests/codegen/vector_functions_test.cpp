// Rows of the function table over whole vectors, compiled, at sizes with and without tails; and the
// numbers at which they are delicate.
#include "cell_checks.h"

#include "fmt/format.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

/// A cell whose output has the row's value in every element and whose products make the operands,
/// so that the row stands in the recurrence, between products. The vector is not near zero, where
/// normalizing one number is a jump.
std::string cellTextFor(const Function &function) {
  std::string_view parameters = function.parameters;
  bool isOfTwo = parameters.find("a, b") == 0;
  std::string call = std::string(function.name) + (isOfTwo ? "(v, h)" : "(v)");
  return "cell f {\n  input x[I]\n  state h[H]\n  v = linear(x, h) + 1.5\n  y = v + 0.5 * " + call +
         "\n  h' = tanh(linear(y))\n  output z[H] = y + 0.25 * " + call + "\n}\n";
}

std::vector<const Function *> rowsOverVectors() {
  std::vector<const Function *> rows;
  for (const Function &function : kFunctions)
    if (function.use == FunctionUse::Public &&
        (function.kind == FunctionClass::Reduction || function.kind == FunctionClass::OverVector))
      rows.push_back(&function);
  return rows;
}

/// Output and gradient of a function of one vector, with an adjoint of one in each element.
struct Evaluation {
  Elements output, gradient;
};

Evaluation evaluate(const std::string &expression, const Elements &v, bool isDouble) {
  TestCell cell = cellOfText("cell f {\n  input v[K]\n  output y[K] = " + expression + "\n}\n",
                             {{"K", static_cast<int64_t>(v.size())}});
  CompileOptions options;
  options.isDouble = isDouble;
  options.stateAdjoints = true;
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
  SequenceInput input;
  input.steps = input.sequences = 1;
  input.inputs = {v};
  GivenAdjoints adjoints{Elements(v.size(), 1.0), {}, {}};
  ExecutionResult result = executeCell(kernel, input, &adjoints, 1);
  return {result.forward.output, result.gradients.inputs[0]};
}

} // namespace

TEST_CASE("functions over vectors between products, at sizes with and without tails") {
  bool isDouble = false; // every second time
  for (const Function *function : rowsOverVectors())
    for (int64_t H : {1, 3, 16, 17, 65}) {
      TestCell cell = cellOfText(cellTextFor(*function), {{"I", 2}, {"H", H}});
      isDouble = !isDouble;
      CellCheck check;
      check.compile.isDouble = isDouble;
      check.run.steps = 3;
      check.run.sequences = 5;
      check.run.samples = 2;
      check.run.smallest = isDouble ? 0 : 1;
      for (const std::string &problem : problemsOf(cell, check))
        FAIL_CHECK(function->name, ", H = ", H, isDouble ? ", f64" : ", f32", ": ", problem);
    }
}

TEST_CASE("softmax overflows nowhere") {
  for (bool isDouble : {true, false}) {
    Evaluation far = evaluate("softmax(v)", {1000, 1001, -1000}, isDouble);
    CHECK(far.output[0] == doctest::Approx(1 / (1 + std::exp(1))).epsilon(1e-6));
    CHECK(far.output[1] == doctest::Approx(1 / (1 + std::exp(-1))).epsilon(1e-6));
    CHECK(far.output[2] == 0);
    CHECK(evaluate("softmax(v)", {-3e30}, isDouble).output == Elements{1});
  }
}

TEST_CASE("the root of a sum of squares has derivative 0 at 0, and lets others through") {
  for (bool isDouble : {true, false}) {
    CHECK(evaluate("norm2(v) + 0 * v", {0, 0, 0}, isDouble).gradient == Elements{0, 0, 0});
    CHECK(evaluate("norm2(v) + v", {0, 0, 0}, isDouble).gradient == Elements{1, 1, 1});
    // Each of the two elements gets the gradient of two outputs.
    Elements gradient = evaluate("norm2(v) + 0 * v", {3, 4}, isDouble).gradient;
    CHECK(gradient[0] == doctest::Approx(2 * 0.6).epsilon(1e-6));
    CHECK(gradient[1] == doctest::Approx(2 * 0.8).epsilon(1e-6));
  }
}

TEST_CASE("a vector of equal elements is normalized to zeros, one element to its sign") {
  for (bool isDouble : {true, false}) {
    CHECK(evaluate("layer_norm(v)", {5, 5, 5}, isDouble).output == Elements{0, 0, 0});
    CHECK(evaluate("layer_norm(v)", {7}, isDouble).output == Elements{0});
    CHECK(evaluate("rms_norm(v)", {0, 0}, isDouble).output == Elements{0, 0});
    CHECK(evaluate("rms_norm(v)", {-7}, isDouble).output[0] == doctest::Approx(-1).epsilon(1e-6));
  }
}

TEST_CASE("NaN in one element reaches every result over the vector, in this row only") {
  for (const Function *function : rowsOverVectors()) {
    bool isOfTwo = function->parameters.find("a, b") == 0;
    std::string call = std::string(function->name) + (isOfTwo ? "(v, v)" : "(v)");
    TestCell cell = cellOfText("cell f {\n  input v[K]\n  output y[K] = 0 * v + " + call + "\n}\n",
                               {{"K", 19}});
    CompileOptions options;
    options.hasBackward = false;
    CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
    SequenceInput input;
    input.steps = 1;
    input.sequences = 3;
    input.inputs = {Elements(3 * 19, 0.5)};
    input.inputs[0][19 + 18] = std::nan("");
    Elements found = executeCell(kernel, input, nullptr, 1).forward.output;
    auto isNumber = [](double x) { return !std::isnan(x); };
    CAPTURE(function->name);
    CHECK(std::all_of(found.begin(), found.begin() + 19, isNumber));
    CHECK(std::isnan(found[19 + 18]));
    bool isOfWhole = function->kind == FunctionClass::Reduction || function->name != "cumsum";
    CHECK(std::none_of(found.begin() + (isOfWhole ? 19 : 19 + 18), found.begin() + 38, isNumber));
    CHECK(std::all_of(found.begin() + 38, found.end(), isNumber));
  }
}

} // namespace cellwright
