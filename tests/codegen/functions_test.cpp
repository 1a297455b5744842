// Every element-wise row of the function table, compiled: values against the standard library
// within the stated error, special values, derivatives against differences.
#include "support.h"

#include "dsl/functions.h"
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace cellwright {

namespace {

constexpr int64_t kCount = 65; // a tail in every vector width
constexpr int64_t kRows = 100;

/// Numbers of all magnitudes, those around which functions change, and the special ones.
Elements interestingNumbers(std::mt19937_64 &engine, bool isDouble) {
  std::uniform_real_distribution<double> unit(-1, 1);
  double infinity = std::numeric_limits<double>::infinity();
  Elements numbers = {0.0,          -0.0, 1.0,   -1.0,  3.0,    -3.0,  0.5,    infinity, -infinity,
                      std::nan(""), 88.5, -88.5, 103.9, -103.9, 709.5, -745.0, 1e-310,   1e-40};
  double decades = isDouble ? 250 : 30;
  while (static_cast<int64_t>(numbers.size()) < kCount * kRows) {
    double u = unit(engine);
    switch (numbers.size() % 4) {
    case 0:
      numbers.push_back(u * 2);
      break;
    case 1:
      numbers.push_back(u * 12);
      break;
    case 2:
      numbers.push_back(u * 110);
      break;
    default:
      numbers.push_back((u < 0 ? -1 : 1) * std::pow(10, decades * unit(engine)));
    }
  }
  if (!isDouble)
    for (double &number : numbers)
      number = static_cast<float>(number);
  return numbers;
}

/// A cell that applies a function to inputs a, b and c.
std::string cellTextFor(const std::string &expression) {
  return "cell f {\n  input a[K]\n  input b[K]\n  input c[K]\n  output y = " + expression + "\n}\n";
}

/// The call of a row on the inputs, or nothing for a row that cells may not call.
std::string callOf(const Function &function) {
  std::string name(function.name);
  if (function.kind == FunctionClass::Operator) {
    static const std::map<std::string, std::string> kSigns = {
        {"add", "a + b"}, {"sub", "a - b"}, {"mul", "a * b"}, {"div", "a / b"}, {"neg", "-a"}};
    auto found = kSigns.find(name);
    return found == kSigns.end() ? "" : found->second; // powers have a test of their own
  }
  if (function.kind != FunctionClass::Elementwise || function.use == FunctionUse::Internal)
    return "";
  if (name == "where")
    return "where(a > 0, b, c)";
  return name + (function.parameters.find("a, b") == 0 ? "(a, b)" : "(a)");
}

SequenceInput inputFor(bool isDouble) {
  std::mt19937_64 engine(7);
  SequenceInput input;
  input.steps = kRows;
  input.sequences = 1;
  for (int i = 0; i < 3; ++i)
    input.inputs.push_back(interestingNumbers(engine, isDouble));
  return input;
}

/// Units in the last place between two numbers of a type, where a unit is that of max(|expected|,
/// floor).
double ulpsBetween(double found, double expected, double floor, bool isDouble) {
  double magnitude = std::max({std::abs(expected), floor, isDouble ? 0x1p-1022 : 0x1p-126});
  double unit = std::ldexp(1.0, std::ilogb(magnitude) - (isDouble ? 52 : 23));
  return std::abs(found - expected) / unit;
}

struct Worst {
  double ulps = 0, a = 0, b = 0, found = 0, expected = 0;
};

/// Compares all elements of a call with the function's meaning.
Worst compareValues(const Elements &found, const SequenceInput &input,
                    const std::function<double(double, double, double)> &meaning, double floor,
                    bool isDouble, const std::string &what) {
  Worst worst;
  double smallest = isDouble ? 0x1p-1022 : 0x1p-126;
  for (size_t i = 0; i < found.size(); ++i) {
    double a = input.inputs[0][i], b = input.inputs[1][i], c = input.inputs[2][i];
    double expected = meaning(a, b, c);
    if (!isDouble)
      expected = std::abs(expected) > std::numeric_limits<float>::max()
                     ? std::copysign(HUGE_VAL, expected)
                     : expected;
    if (!std::isfinite(expected) || !std::isfinite(found[i])) {
      bool isSame = std::isnan(expected) ? std::isnan(found[i]) : expected == found[i];
      // At the edge of the range the rounded result may be the largest number or infinity.
      bool isEdge = std::abs(expected) > (isDouble ? 1.79e308 : 3.4e38) &&
                    std::abs(found[i]) > (isDouble ? 1.79e308 : 3.4e38);
      CHECK_MESSAGE((isSame || isEdge), what, " of ", a, ", ", b, " is ", found[i], ", expected ",
                    expected);
      continue;
    }
    // Below the smallest normal number results may be off by that number, and so may be the
    // sigmoid that silu multiplies with its argument.
    if (std::abs(found[i] - expected) <= smallest * std::max(1.0, std::abs(a)))
      continue;
    double ulps = ulpsBetween(found[i], expected, floor, isDouble);
    if (ulps > worst.ulps)
      worst = {ulps, a, b, found[i], expected};
  }
  return worst;
}

} // namespace

TEST_CASE("compiled functions are within their stated error") {
  for (bool isDouble : {false, true}) {
    SequenceInput input = inputFor(isDouble);
    CompileOptions options;
    options.isDouble = isDouble;
    for (const Function &function : kFunctions) {
      std::string call = callOf(function);
      if (call.empty())
        continue;
      TestCell cell = cellOfText(cellTextFor(call), {{"K", kCount}});
      CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
      Elements found = executeCell(kernel, input, nullptr, 1).forward.output;
      auto meaning = [&](double a, double b, double c) {
        bool hasSlope = function.name == "leaky_relu";
        return function.value(a, hasSlope ? 0.01 : b, c);
      };
      Worst worst = compareValues(found, input, meaning, function.accuracy.floor, isDouble,
                                  std::string(function.name));
      // Half a unit for the rounding of the result, half for the oracle's own error.
      MESSAGE(function.name, isDouble ? " f64 " : " f32 ", worst.ulps, " ULP at ", worst.a);
      CHECK_MESSAGE(worst.ulps <= function.accuracy.ulp + 1, function.name,
                    isDouble ? " f64" : " f32", " of ", worst.a, ", ", worst.b, " is ", worst.found,
                    ", expected ", worst.expected, ": ", worst.ulps, " ULP, stated ",
                    function.accuracy.ulp);
    }
  }
}

} // namespace cellwright
