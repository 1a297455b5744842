// Every element-wise row of the function table, compiled: values against the standard library
// within the stated error, derivatives against differences, kinks and special values as the
// language says them.
#include "element_rows.h"

#include "fmt/format.h"
#include "tests/support/tangents.h"
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace cellwright {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

std::string nameOf(const ElementRow &row, bool isDouble) {
  std::string constants;
  for (double constant : row.constants)
    constants += fmt::format(" {}", constant);
  return fmt::format("{}{} {}", row.function->name, constants, isDouble ? "f64" : "f32");
}

double smallestNormal(bool isDouble) { return isDouble ? 0x1p-1022 : 0x1p-126; }
double largestNumber(bool isDouble) {
  return isDouble ? std::numeric_limits<double>::max()
                  : static_cast<double>(std::numeric_limits<float>::max());
}

/// Units in the last place between two numbers of a type, where a unit is that of max(|expected|,
/// floor).
double ulpsBetween(double found, double expected, double floor, bool isDouble) {
  double magnitude = std::max({std::abs(expected), floor, smallestNormal(isDouble)});
  double unit = std::ldexp(1.0, std::ilogb(magnitude) - (isDouble ? 52 : 23));
  return std::abs(found - expected) / unit;
}

/// Whether two results of which one is no finite number agree.
bool areBothSpecial(double found, double expected, bool isDouble) {
  if (std::isnan(expected) || std::isnan(found))
    return std::isnan(expected) && std::isnan(found);
  // At the edge of the range the rounded result may be the largest number or infinity.
  double edge = largestNumber(isDouble) * (1 - 1e-6);
  return found == expected || (std::abs(expected) > edge && std::abs(found) > edge &&
                               std::signbit(found) == std::signbit(expected));
}

ExecutionResult execute(const ElementRow &row, const SequenceInput &input, bool isDouble,
                        double adjoint) {
  CompileOptions options;
  options.isDouble = isDouble;
  options.stateAdjoints = true;
  CompiledKernel kernel = compileCell(row.cell.cell(), row.cell.bound, options);
  GivenAdjoints adjoints{Elements(input.inputs[0].size(), adjoint), {}, {}};
  return executeCell(kernel, input, &adjoints, 1);
}

//===-- Values --------------------------------------------------------------------------------===//

struct Worst {
  double ulps = 0, a = 0, b = 0, found = 0, expected = 0;
};

/// Compares all elements with the row's meaning; special values are checked here.
Worst compareValues(const ElementRow &row, const SequenceInput &input, const Elements &found,
                    bool isDouble) {
  Worst worst;
  for (size_t i = 0; i < found.size(); ++i) {
    double a = input.inputs[0][i], b = input.inputs[1][i], c = input.inputs[2][i];
    double expected = row.value(a, b, c);
    if (std::abs(expected) > largestNumber(isDouble))
      expected = std::copysign(kInfinity, expected);
    if (!std::isfinite(expected) || !std::isfinite(found[i])) {
      if (!areBothSpecial(found[i], expected, isDouble))
        FAIL_CHECK(nameOf(row, isDouble), " of ", a, ", ", b, ", ", c, " is ", found[i],
                   ", expected ", expected);
      continue;
    }
    // Below the smallest normal number results may be off by that number, and so may be the
    // sigmoid that silu multiplies with its argument.
    if (std::abs(found[i] - expected) <= smallestNormal(isDouble) * std::max(1.0, std::abs(a)))
      continue;
    double ulps = ulpsBetween(found[i], expected, row.function->accuracy.floor, isDouble);
    if (ulps > worst.ulps)
      worst = {ulps, a, b, found[i], expected};
  }
  return worst;
}

//===-- Derivatives ---------------------------------------------------------------------------===//

/// What an element says about a derivative: good, bad, or nothing, next to a kink or where
/// differences are no use.
enum class Verdict { Good, Bad, Silent };

Verdict judgeDerivative(const ElementRow &row, const std::array<double, 3> &at, int operand,
                        double found, bool isDouble) {
  const Function &function = *row.function;
  double value = function.value(at[0], at[1], at[2]);
  bool isOrdinary = std::isfinite(value) && std::abs(value) < largestNumber(isDouble);
  for (double number : at)
    isOrdinary &= std::isfinite(number) && (number == 0 || std::abs(number) > 1e-30);
  // Differences over large numbers say nothing about functions that oscillate.
  bool oscillates = function.accuracy.floor >= 1;
  if (!isOrdinary || (oscillates && std::abs(at[operand]) > 1e4))
    return Verdict::Silent;
  test::Slope slope = test::slopeOf(function, at, operand);
  double magnitude = std::abs(at[operand]);
  // Beyond the type's bounds, and where differences are lost in rounding, nothing is known.
  bool isKnown = slope.width > 0 && std::abs(slope.value) < largestNumber(isDouble) / 16;
  if (!isKnown)
    return std::isnan(found) && std::isfinite(slope.value) ? Verdict::Bad : Verdict::Silent;
  // Rules that start from a rounded result, 1 - y * y, err by the rounding of the terms.
  double scale = std::max({std::abs(slope.value), std::abs(value) / std::max(1.0, magnitude),
                           std::min(1.0, std::abs(value)), function.accuracy.floor, 1e-3});
  double limit = isDouble ? 2e-8 : 4e-6;
  return std::abs(found - slope.value) <= limit * scale ? Verdict::Good : Verdict::Bad;
}

} // namespace

TEST_CASE("compiled functions are within their stated error") {
  for (bool isDouble : {false, true}) {
    SequenceInput input = elementNumbers(isDouble);
    for (const ElementRow &row : elementRows()) {
      Elements found = execute(row, input, isDouble, 1).forward.output;
      Worst worst = compareValues(row, input, found, isDouble);
      // Half a unit for the rounding of the result, half for the oracle's own error.
      CHECK_MESSAGE(worst.ulps <= row.function->accuracy.ulp + 1, nameOf(row, isDouble), " of ",
                    worst.a, ", ", worst.b, " is ", worst.found, ", expected ", worst.expected,
                    ": ", worst.ulps, " ULP, stated ", row.function->accuracy.ulp);
    }
  }
}

TEST_CASE("compiled derivatives of functions are differences of their values") {
  constexpr double kAdjoint = 0.75; // exact in every product
  for (bool isDouble : {false, true}) {
    SequenceInput input = elementNumbers(isDouble);
    for (const ElementRow &row : elementRows()) {
      Gradients found = execute(row, input, isDouble, kAdjoint).gradients;
      for (int operand = 0; operand < row.inputCount(); ++operand) {
        int64_t judged = 0;
        for (size_t i = 0; i < input.inputs[0].size(); ++i) {
          auto at = row.operands(input.inputs[0][i], input.inputs[1][i], input.inputs[2][i]);
          double derivative = found.inputs[operand][i] / kAdjoint;
          Verdict verdict = judgeDerivative(row, at, operand, derivative, isDouble);
          judged += verdict != Verdict::Silent;
          if (verdict == Verdict::Bad)
            FAIL_CHECK(nameOf(row, isDouble), " by operand ", operand, " at ", at[0], ", ", at[1],
                       ", ", at[2], " has derivative ", derivative, ", expected ",
                       test::slopeOf(*row.function, at, operand).value);
        }
        // Powers of negative numbers have none, and large powers leave the range.
        CHECK_MESSAGE(judged >= kElementColumns * kElementRows / 8, nameOf(row, isDouble),
                      ": only ", judged, " judged");
      }
    }
  }
}

TEST_CASE("kinks, ties and special numbers have the derivatives that the language says") {
  struct Case {
    std::string call;
    double a, b, da, db;
  };
  const Case cases[] = {
      {"relu(a)", 0, 0, 0, 0},
      {"relu(a)", -0.0, 0, 0, 0},
      {"abs(a)", 0, 0, 0, 0},
      {"sign(a)", 0, 0, 0, 0},
      {"sign(a)", 2, 0, 0, 0},
      {"step(a)", 0, 0, 0, 0},
      {"step(a)", 2, 0, 0, 0},
      {"leaky_relu(a)", 0, 0, 0.01, 0},
      {"leaky_relu(a, slope = 0.3)", 0, 0, 0.3, 0},
      {"elu(a)", 0, 0, 1, 0},
      {"hard_sigmoid(a)", 3, 0, 0, 0},
      {"hard_sigmoid(a)", -3, 0, 0, 0},
      {"hard_sigmoid(a)", 2.75, 0, 1 / 6., 0},
      {"hard_tanh(a)", 1, 0, 0, 0},
      {"hard_tanh(a)", -1, 0, 0, 0},
      {"hard_tanh(a)", 0.5, 0, 1, 0},
      // A tie gives its gradient to the first.
      {"max(a, b)", 2, 2, 1, 0},
      {"min(a, b)", 2, 2, 1, 0},
      {"max(a, b)", kInfinity, kInfinity, 1, 0},
      {"min(a, b)", -kInfinity, -kInfinity, 1, 0},
      {"max(a, b)", 1, 2, 0, 1},
      {"min(a, b)", 1, 2, 1, 0},
      // No gradient flows to the condition or into the branch not taken, even where its derivative
      // is infinite; 0 and NaN take the last branch.
      {"where(a > 0, a, b)", 1, 5, 1, 0},
      {"where(a > 0, a, b)", 0, 5, 0, 1},
      {"where(a > 0, a, b)", kNaN, 5, 0, 1},
      {"where(b > 0, sqrt(a), b)", 0, -1, 0, 1},
      {"where(b > 0, log(a), b)", 0, -1, 0, 1},
      {"where(b > 0, 1 / a, b)", 0, -1, 0, 1},
      {"where(b > 0, a ^ -0.5, b)", 0, -1, 0, 1},
      {"max(b, log(a))", 0, -1, 0, 1},
      {"relu(-1 / a) + b", 0, 0, 0, 1},
      // A power of 0 is 1 everywhere.
      {"a ^ 0", 0, 0, 0, 0},
      {"a ^ 1", 0, 0, 1, 0},
      {"a ^ 2", 0, 0, 0, 0},
      {"a ^ 0.5", 0, 0, kInfinity, 0},
      {"sqrt(a)", 0, 0, kInfinity, 0},
      {"log(a)", 0, 0, kInfinity, 0},
      // Nothing overflows on the way.
      {"softplus(a)", 1e4, 0, 1, 0},
      {"softplus(a)", -1e4, 0, 0, 0},
      {"sigmoid(a)", 1e4, 0, 0, 0},
      {"sigmoid(a)", -1e4, 0, 0, 0},
      {"tanh(a)", 1e4, 0, 0, 0},
      {"silu(a)", 1e4, 0, 1, 0},
      {"silu(a)", -1e4, 0, 0, 0},
      {"gelu(a)", 1e30, 0, 1, 0},
      {"gelu(a)", -1e30, 0, 0, 0},
      {"erf(a)", 1e30, 0, 0, 0},
      {"elu(a)", -1e4, 0, 0, 0},
      {"softsign(a)", 1e30, 0, 0, 0},
      {"exp(a)", -1e4, 0, 0, 0},
      {"tanh(a)", kInfinity, 0, 0, 0},
      {"sigmoid(a)", -kInfinity, 0, 0, 0},
      {"softplus(a)", kInfinity, 0, 1, 0},
      {"softsign(a)", -kInfinity, 0, 0, 0},
      {"hard_tanh(a)", kInfinity, 0, 0, 0},
      {"relu(a)", kInfinity, 0, 1, 0},
  };
  for (bool isDouble : {false, true})
    for (const Case &entry : cases) {
      ElementRow row{nullptr, cellOfExpression(entry.call, 1), {}};
      SequenceInput input;
      input.steps = input.sequences = 1;
      input.inputs = {{entry.a}, {entry.b}, {0}};
      Gradients found = execute(row, input, isDouble, 1).gradients;
      auto isSame = [](double x, double y) {
        return x == y || std::abs(x - y) <= 1e-7 * std::abs(y) + 1e-50;
      };
      CHECK_MESSAGE((isSame(found.inputs[0][0], entry.da) && isSame(found.inputs[1][0], entry.db)),
                    entry.call, isDouble ? " f64" : " f32", " at ", entry.a, ", ", entry.b,
                    " has derivatives ", found.inputs[0][0], " and ", found.inputs[1][0],
                    ", expected ", entry.da, " and ", entry.db);
    }
}

} // namespace cellwright
