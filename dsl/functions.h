// The table of functions and operators of the cell language: one row is one function, and every
// other part of the program (checker, interpreter, differentiation, emission, tests) reads the
// rows. What one gets wrong: `adjoint` and `expansion` are texts in the cell language itself; both
// see the row's parameters, `adjoint` also sees `y`, the function's result, and `dy`, the result's
// adjoint.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace cellwright {

enum class FunctionClass : uint8_t {
  Operator,    // written with a sign: + - * / ^
  Elementwise, // works on every element of a scalar, vector or matrix
  Reduction,   // of a whole vector to a scalar
  OverVector,  // of a whole vector to a vector of the same size
  Random,      // draws from the counter-based generator in training
};

enum class FunctionUse : uint8_t {
  Public,   // may stand in a cell
  Internal, // may stand in the texts of this table only
};

/// What an element-wise function promises: the error is at most `ulp` units in the last place of
/// max(|value|, floor), in f32 and in f64. NaN in, NaN out. Values below the smallest normal number
/// may be 0.
struct Accuracy {
  double ulp = 0;
  double floor = 0;
};

/// One function of the language.
struct Function {
  std::string_view name;
  /// Parameters, separated by `, `; one with a default, as in `slope = 0.01`, is given by name
  /// only.
  std::string_view parameters;
  FunctionClass kind;
  /// Adjoint of each tensor parameter, separated by `; `. Empty: the adjoint of the expansion.
  std::string_view adjoint;
  /// The function in terms of others. Empty: a primitive, which code generation emits itself.
  std::string_view expansion;
  /// Value at one element in double, or null for what the interpreter does on whole vectors.
  double (*value)(double, double, double) = nullptr;
  Accuracy accuracy = {};
  FunctionUse use = FunctionUse::Public;
  /// The expansion in training, where it differs from the one at evaluation.
  std::string_view training = {};
};

// clang-format off
inline constexpr std::array kFunctions = {
  // Operators.
  Function{"add", "a, b", FunctionClass::Operator, "dy; dy", "",
           [](double a, double b, double) { return a + b; }, {0.5}},
  Function{"sub", "a, b", FunctionClass::Operator, "dy; -dy", "",
           [](double a, double b, double) { return a - b; }, {0.5}},
  Function{"mul", "a, b", FunctionClass::Operator, "dy * b; dy * a", "",
           [](double a, double b, double) { return a * b; }, {0.5}},
  Function{"div", "a, b", FunctionClass::Operator, "dy / b; -(dy / b) * y", "",
           [](double a, double b, double) { return a / b; }, {0.5}},
  Function{"neg", "a", FunctionClass::Operator, "-dy", "",
           [](double a, double, double) { return -a; }},
  Function{"pow", "a, p", FunctionClass::Operator, "dy * (p * a ^ (p - 1))", "",
           [](double a, double p, double) { return std::pow(a, p); }, {4}},

  // Element-wise. Kinks: the derivative at the kink is the one LANGUAGE names.
  Function{"identity", "x", FunctionClass::Elementwise, "dy", "x",
           [](double x, double, double) { return x; }},
  Function{"sigmoid", "x", FunctionClass::Elementwise, "dy * (y * (1 - y))", "",
           [](double x, double, double) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, {4}},
  Function{"tanh", "x", FunctionClass::Elementwise, "dy * (1 - y * y)", "",
           [](double x, double, double) { return std::tanh(x); }, {4}},
  Function{"relu", "x", FunctionClass::Elementwise, "where(x > 0, dy, 0)", "max(x, 0)",
           [](double x, double, double) { return x < 0 ? 0 : x; }},
  Function{"leaky_relu", "x, slope = 0.01", FunctionClass::Elementwise, "where(x > 0, dy, slope * dy)", "where(x > 0, x, slope * x)",
           [](double x, double slope, double) { return x > 0 ? x : slope * x; }, {0.5}},
  Function{"elu", "x", FunctionClass::Elementwise, "where(x > 0, dy, dy * (y + 1))", "where(x > 0, x, expm1(x))",
           [](double x, double, double) { return x > 0 ? x : std::expm1(x); }, {4}},
  Function{"softplus", "x", FunctionClass::Elementwise, "dy * sigmoid(x)", "max(x, 0) + log1p(exp(-abs(x)))",
           [](double x, double, double) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x))); }, {4}},
  Function{"softsign", "x", FunctionClass::Elementwise, "dy * square(1 / (1 + abs(x)))", "x / (1 + abs(x))",
           [](double x, double, double) { return x / (1 + std::abs(x)); }, {2}},
  Function{"hard_sigmoid", "x", FunctionClass::Elementwise, "where(3 - abs(x) > 0, dy / 6, 0)", "min(max(x / 6 + 0.5, 0), 1)",
           [](double x, double, double) { return x < -3 ? 0 : x > 3 ? 1 : x / 6 + 0.5; }, {1, 0.5}},
  Function{"hard_tanh", "x", FunctionClass::Elementwise, "where(1 - abs(x) > 0, dy, 0)", "min(max(x, -1), 1)",
           [](double x, double, double) { return x < -1 ? -1 : x > 1 ? 1 : x; }},
  Function{"gelu", "x", FunctionClass::Elementwise,
           "dy * (0.5 * (1 + erf(x * 0.7071067811865476)) + x * (0.3989422804014327 * exp(-0.5 * square(x))))",
           "0.5 * x * (1 + erf(x * 0.7071067811865476))",
           [](double x, double, double) { return 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }, {4, 1}},
  Function{"silu", "x", FunctionClass::Elementwise, "dy * (sigmoid(x) * (1 + x * (1 - sigmoid(x))))", "x * sigmoid(x)",
           [](double x, double, double) { return x / (1 + std::exp(-x)); }, {5}},
  Function{"exp", "x", FunctionClass::Elementwise, "dy * y", "",
           [](double x, double, double) { return std::exp(x); }, {4}},
  Function{"log", "x", FunctionClass::Elementwise, "dy / x", "",
           [](double x, double, double) { return std::log(x); }, {4}},
  Function{"sqrt", "x", FunctionClass::Elementwise, "dy * 0.5 / y", "",
           [](double x, double, double) { return std::sqrt(x); }, {0.5}},
  Function{"square", "x", FunctionClass::Elementwise, "dy * 2 * x", "x * x",
           [](double x, double, double) { return x * x; }, {0.5}},
  Function{"abs", "x", FunctionClass::Elementwise, "dy * sign(x)", "",
           [](double x, double, double) { return std::abs(x); }},
  Function{"sign", "x", FunctionClass::Elementwise, "0", "where(x > 0, 1, where(-x > 0, -1, x))",
           [](double x, double, double) { return x > 0 ? 1 : x < 0 ? -1 : x; }},
  Function{"step", "x", FunctionClass::Elementwise, "0", "where(x > 0, 1, where(-x > 0, 0, x))",
           [](double x, double, double) { return x > 0 ? 1 : x < 0 ? 0 : x; }},
  Function{"erf", "x", FunctionClass::Elementwise, "dy * (1.1283791670955126 * exp(-square(x)))", "",
           [](double x, double, double) { return std::erf(x); }, {4}},
  Function{"sin", "x", FunctionClass::Elementwise, "dy * cos(x)", "",
           [](double x, double, double) { return std::sin(x); }, {4, 1}},
  Function{"cos", "x", FunctionClass::Elementwise, "-dy * sin(x)", "",
           [](double x, double, double) { return std::cos(x); }, {4, 1}},
  Function{"min", "a, b", FunctionClass::Elementwise, "where(a - b > 0, 0, dy); where(a - b > 0, dy, 0)", "",
           [](double a, double b, double) { return std::isnan(a) ? a : std::isnan(b) ? b : std::fmin(a, b); }},
  Function{"max", "a, b", FunctionClass::Elementwise, "where(b - a > 0, 0, dy); where(b - a > 0, dy, 0)", "",
           [](double a, double b, double) { return std::isnan(a) ? a : std::isnan(b) ? b : std::fmax(a, b); }},
  Function{"where", "c, a, b", FunctionClass::Elementwise, "0; where(c > 0, dy, 0); where(c > 0, 0, dy)", "",
           [](double c, double a, double b) { return c > 0 ? a : b; }},

  // Over a vector.
  Function{"sum", "v", FunctionClass::Reduction, "dy", ""},
  Function{"mean", "v", FunctionClass::Reduction, "", "sum(v) / size(v)"},
  Function{"norm2", "v", FunctionClass::Reduction, "where(y > 0, dy / y, 0) * v", "sqrt(sum(v * v))"},
  Function{"dot", "a, b", FunctionClass::Reduction, "", "sum(a * b)"},
  Function{"softmax", "v", FunctionClass::OverVector, "y * (dy - sum(dy * y))", "exp(v - largest(v)) / sum(exp(v - largest(v)))"},
  Function{"cumsum", "v", FunctionClass::OverVector, "cumsum_reverse(dy)", ""},
  Function{"layer_norm", "v, eps = 1e-5", FunctionClass::OverVector,
           "(dy - mean(dy) - y * mean(dy * y)) / sqrt(mean(square(v - mean(v))) + eps)",
           "(v - mean(v)) / sqrt(mean(square(v - mean(v))) + eps)"},
  Function{"rms_norm", "v, eps = 1e-6", FunctionClass::OverVector,
           "(dy - y * mean(dy * y)) / sqrt(mean(square(v)) + eps)", "v / sqrt(mean(square(v)) + eps)"},

  // Random. `uniform(v)` draws from [0, 1) for each element of a tensor shaped like v.
  Function{"dropout", "v, p", FunctionClass::Random, "", "v", nullptr, {}, FunctionUse::Public,
           "where(uniform(v) - p > 0, v / (1 - p), 0)"},
  Function{"zoneout", "new, old, p", FunctionClass::Random, "", "p * old + (1 - p) * new", nullptr, {}, FunctionUse::Public,
           "where(p - uniform(new) > 0, old, new)"},

  // What the texts above need beyond the language.
  Function{"expm1", "x", FunctionClass::Elementwise, "dy * (y + 1)", "",
           [](double x, double, double) { return std::expm1(x); }, {4}, FunctionUse::Internal},
  Function{"log1p", "x", FunctionClass::Elementwise, "dy / (1 + x)", "",
           [](double x, double, double) { return std::log1p(x); }, {4}, FunctionUse::Internal},
  Function{"largest", "v", FunctionClass::Reduction, "0", "", nullptr, {}, FunctionUse::Internal},
  Function{"cumsum_reverse", "v", FunctionClass::OverVector, "cumsum(dy)", "", nullptr, {}, FunctionUse::Internal},
  Function{"uniform", "v", FunctionClass::Random, "0", "", nullptr, {}, FunctionUse::Internal},
};
// clang-format on

using FunctionId = int16_t; // index into kFunctions
inline constexpr FunctionId kNoFunction = -1;

/// Finds a row by name, internal ones too; kNoFunction if there is none.
constexpr FunctionId findFunction(std::string_view name) {
  for (size_t i = 0; i < kFunctions.size(); ++i)
    if (kFunctions[i].name == name)
      return static_cast<FunctionId>(i);
  return kNoFunction;
}

} // namespace cellwright
