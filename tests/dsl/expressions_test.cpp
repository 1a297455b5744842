// The sentences of LANGUAGE.md about expressions: precedence, `linear`, functions and their values.
#include "support.h"

#include "dsl/random.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace cellwright::test {

using Strings = std::vector<std::string>;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

Strings paramsOf(const std::string &statements) {
  Checked checked = check(cellWith(statements));
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  Strings names;
  for (const Param &param : checked.cell().params)
    names.push_back(std::string(param.name.view()) +
                    std::string(shapeText(checked.cell(), param.shape).view()));
  return names;
}

/// One element-wise function at one place.
double at(const std::string &expression, double x, double y = 0) {
  return evaluate(expression, {x, x}, {y, y})[0];
}

/// The value, and NaN where NaN is expected.
void checkValue(const std::string &expression, double x, double expected, double tolerance = 0) {
  double value = at(expression, x);
  CAPTURE(expression);
  CAPTURE(x);
  if (std::isnan(expected))
    CHECK(std::isnan(value));
  else if (std::isinf(expected))
    CHECK(value == expected);
  else
    CHECK(std::abs(value - expected) <= tolerance * std::max(1.0, std::abs(expected)));
}

} // namespace

//===-- Precedence ----------------------------------------------------------------------------===//

TEST_CASE("from loose to tight: sums, products, @, unary minus, powers, calls and slices") {
  double x = 3;
  double y = 2;
  CHECK(at("x - y - 1", x, y) == 0);
  CHECK(at("x / y / 2", x, y) == 0.75);
  CHECK(at("x + y * 2", x, y) == 7);
  CHECK(at("-x ^ 2", x) == -9);
  CHECK(at("(-x) ^ 2", x) == 9);
  CHECK(at("x * -y", x, y) == -6);
  CHECK(at("2 * x ^ -1", x) == 2.0 / 3);
  CHECK(at("x - -y", x, y) == 5);
  CHECK(at("--x", x) == 3);
  CHECK(at("-tanh(x)", 1) == -std::tanh(1.0));
}

TEST_CASE("@ is left-associative and binds tighter than * and looser than unary minus") {
  Checked checked =
      check("cell a { state h[2]; param A[2, 2], B[2, 2]; h' = A @ B @ h * 2 + -A @ h }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  Elements A = {1, 2, 3, 4};
  Elements B = {0, 1, 1, 1};
  // A B = [2 3; 4 7], h = (1, 10): A B h = (32, 74), A h = (21, 43).
  CHECK(runStep(checked.cell(), {}, {{"A", A}, {"B", B}, {"h", {1, 10}}}) ==
        Elements{64 - 21, 148 - 43});
  const Cell &cell = checked.cell();
  int matrixProducts = 0;
  for (const Op &op : cell.ops)
    matrixProducts += op.kind == OpKind::MatMul && op.shape.rank == 2;
  CHECK(matrixProducts == 1);
}

TEST_CASE("v @ W suggests W.T @ v") {
  CHECK(problemsOf(cellWith("param W[H, I]\nh' = h @ W + linear(x)"))
            .front()
            .find("write `W.T @ h`") != std::string::npos);
}

TEST_CASE("transposes are of matrices, and may be repeated") {
  Checked checked = check("cell a { state h[2]; param W[2, 2]; h' = W.T @ h + (W + W).T.T @ h }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(runStep(checked.cell(), {}, {{"W", {1, 2, 3, 4}}, {"h", {1, 10}}}) ==
        Elements{31 + 42, 42 + 86});
}

TEST_CASE("an exponent is a compile-time number with at most one minus") {
  CHECK(at("x ^ 0.5", 9) == 3);
  CHECK(at("x ^ -0.5", 4) == 0.5);
  CHECK(at("x ^ (1 + 1)", 5) == 25);
  CHECK(at("x ^ size(x)", 5) == 25);
  CHECK(idsOf(cellWith("h' = h ^ --2 + sum(x)")) == Strings{"chained-power"});
  CHECK(idsOf(cellWith("h' = h ^ 2 ^ 2 + sum(x)")) == Strings{"chained-power"});
  CHECK(at("(x ^ 2) ^ 2", 3) == 81);
  CHECK(at("x ^ (2 ^ 2)", 3) == 81);
  CHECK(idsOf(cellWith("h' = 2 ^ h + sum(x)")) == Strings{"not-constant"});
}

//===-- linear --------------------------------------------------------------------------------===//

TEST_CASE(
    "linear makes a matrix for each operand and a bias, named after the left side without primes") {
  CHECK(paramsOf("h' = tanh(linear(x, h))") == Strings{"W_h_x[H, I]", "W_h_h[H, H]", "b_h[H]"});
  CHECK(paramsOf("n = linear(x)\nh' = h + n") == Strings{"W_n_x[H, I]", "b_n[H]"});
  CHECK(paramsOf("output y[3] = linear(x)\nh' = h") == Strings{"W_y_x[3, I]", "b_y[3]"});
}

TEST_CASE("an operand that is not a plain name is called by its position among all operands") {
  CHECK(paramsOf("n = tanh(linear(x, sum(x) * h, h))\nh' = n * h") ==
        Strings{"W_n_x[H, I]", "W_n_2[H, H]", "W_n_h[H, H]", "b_n[H]"});
  CHECK(paramsOf("n = tanh(linear(bias = false, 2 * x, h, -h))\nh' = n * h") ==
        Strings{"W_n_1[H, I]", "W_n_h[H, H]", "W_n_3[H, H]"});
  CHECK(problemsOf(cellWith("param W[H, H]\nh' = linear(bias = false, x, W)")).front() ==
        "5:6 not-a-vector: `linear` takes vectors, got a matrix [H, H]");
}

TEST_CASE("a next state c' counts as c") {
  Checked checked = check("cell a { state h[H], c[H]; c' = tanh(h) + c; o = linear(c'); h' = o }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(checked.cell().params[0].name == "W_o_c");
  CHECK(checked.cell().params[0].initializer.linearOfState);
}

TEST_CASE("linear(x, bias = false) makes no bias") {
  CHECK(paramsOf("h' = h + linear(x, bias = false)") == Strings{"W_h_x[H, I]"});
  CHECK(paramsOf("h' = h + linear(x, bias = true)") == Strings{"W_h_x[H, I]", "b_h[H]"});
}

TEST_CASE("the same parameter twice in one statement is a diagnostic") {
  CHECK(idsOf(cellWith("h' = linear(x) + linear(h)")) == Strings{"duplicate-parameter"});
  CHECK(idsOf(cellWith("h' = linear(x, x)")) == Strings{"duplicate-parameter"});
  CHECK(paramsOf("h' = linear(x) + linear(h, bias = false)") ==
        Strings{"W_h_x[H, I]", "b_h[H]", "W_h_h[H, H]"});
}

TEST_CASE("all parameter names of a cell differ") {
  CHECK(problemsOf(cellWith("param W_h_x[H, I]\nh' = tanh(linear(x, h)) + W_h_x @ x")) ==
        Strings{"5:18 duplicate-parameter: parameter `W_h_x` exists already"});
}

TEST_CASE("names that linear makes stand in init, not in expressions") {
  CHECK(idsOf(cellWith("y = linear(x)\nh' = h + y + b_y")) == Strings{"unknown-name"});
}

TEST_CASE("operands of linear are vectors") {
  CHECK(idsOf(cellWith("h' = linear(2, x)")) == Strings{"not-a-vector"});
}

TEST_CASE("linear computes the sum of its products and its bias") {
  Checked checked = check("cell a { input x[2]; state h[2]; h' = linear(x, h) }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(runStep(checked.cell(), {},
                {{"x", {1, 2}},
                 {"h", {3, 4}},
                 {"W_h_x", {1, 0, 0, 1}},
                 {"W_h_h", {1, 1, 2, 2}},
                 {"b_h", {10, 20}}}) == Elements{1 + 7 + 10, 2 + 14 + 20});
}

//===-- Element-wise functions ----------------------------------------------------------------===//

TEST_CASE("element-wise functions have the values of their definitions") {
  struct Row {
    std::string text;
    double (*value)(double);
  };
  const Row rows[] = {
      {"sigmoid(x)", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"tanh(x)", [](double x) { return std::tanh(x); }},
      {"relu(x)", [](double x) { return x > 0 ? x : 0; }},
      {"leaky_relu(x)", [](double x) { return x > 0 ? x : 0.01 * x; }},
      {"leaky_relu(x, slope = 0.2)", [](double x) { return x > 0 ? x : 0.2 * x; }},
      {"elu(x)", [](double x) { return x > 0 ? x : std::exp(x) - 1; }},
      {"softplus(x)", [](double x) { return std::log(1 + std::exp(x)); }},
      {"softsign(x)", [](double x) { return x / (1 + std::abs(x)); }},
      {"hard_sigmoid(x)", [](double x) { return std::min(std::max(x / 6 + 0.5, 0.0), 1.0); }},
      {"hard_tanh(x)", [](double x) { return std::min(std::max(x, -1.0), 1.0); }},
      {"gelu(x)", [](double x) { return x * 0.5 * (1 + std::erf(x / std::numbers::sqrt2)); }},
      {"silu(x)", [](double x) { return x / (1 + std::exp(-x)); }},
      {"exp(x)", [](double x) { return std::exp(x); }},
      {"square(x)", [](double x) { return x * x; }},
      {"abs(x)", [](double x) { return std::abs(x); }},
      {"sign(x)", [](double x) { return x > 0   ? 1.0
                                        : x < 0 ? -1.0
                                                : 0.0; }},
      {"step(x)", [](double x) { return x > 0 ? 1.0 : 0.0; }},
      {"erf(x)", [](double x) { return std::erf(x); }},
      {"sin(x)", [](double x) { return std::sin(x); }},
      {"cos(x)", [](double x) { return std::cos(x); }},
      {"identity(x)", [](double x) { return x; }},
      {"log(x * x + 1)", [](double x) { return std::log(x * x + 1); }},
      {"sqrt(abs(x))", [](double x) { return std::sqrt(std::abs(x)); }},
      {"max(x, 1)", [](double x) { return std::max(x, 1.0); }},
      {"min(x, 1)", [](double x) { return std::min(x, 1.0); }},
      {"where(x > 0, 2, 3)", [](double x) { return x > 0 ? 2.0 : 3.0; }},
  };
  for (const Row &row : rows)
    for (double x : {-20.0, -3.0, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 2.0, 3.0, 20.0})
      checkValue(row.text, x, row.value(x), 1e-15);
}

TEST_CASE("NaN in, NaN out, but for where, whose condition takes the last branch") {
  for (const Function &function : kFunctions)
    if (function.kind == FunctionClass::Elementwise && function.use == FunctionUse::Public &&
        function.name != "where") {
      bool hasTwo = function.parameters == "a, b";
      checkValue(std::string(function.name) + (hasTwo ? "(x, 1)" : "(x)"), kNaN, kNaN);
      if (hasTwo)
        checkValue(std::string(function.name) + "(1, x)", kNaN, kNaN);
    }
  checkValue("where(x > 0, 2, 3)", kNaN, 3);
}

TEST_CASE("values at infinity and far out are those of the limits") {
  checkValue("sigmoid(x)", kInfinity, 1);
  checkValue("sigmoid(x)", -kInfinity, 0);
  checkValue("sigmoid(x)", -1000, 0);
  checkValue("tanh(x)", -kInfinity, -1);
  checkValue("softplus(x)", 1000, 1000);
  checkValue("softplus(x)", -1000, 0);
  checkValue("softplus(x)", kInfinity, kInfinity);
  checkValue("softplus(x)", -kInfinity, 0);
  checkValue("softplus(x)", -40, std::exp(-40.0), 1e-30);
  checkValue("relu(x)", kInfinity, kInfinity);
  checkValue("relu(x)", -kInfinity, 0);
  checkValue("elu(x)", -kInfinity, -1);
  checkValue("hard_sigmoid(x)", -kInfinity, 0);
  checkValue("hard_tanh(x)", kInfinity, 1);
  checkValue("sign(x)", -kInfinity, -1);
  checkValue("step(x)", kInfinity, 1);
  checkValue("gelu(x)", kInfinity, kInfinity);
  checkValue("silu(x)", -1000, 0);
  checkValue("exp(x)", -kInfinity, 0);
  checkValue("abs(x)", -kInfinity, kInfinity);
  checkValue("step(x)", 0, 0);
  checkValue("sign(x)", 0, 0);
}

//===-- Over a vector -------------------------------------------------------------------------===//

TEST_CASE("functions over a vector have the values of their definitions") {
  Elements v = {1, -2, 3, 0.5};
  auto over = [&](const std::string &expression) {
    Checked checked = check("cell a { input v[4]; output r = " + expression + " }");
    REQUIRE_MESSAGE(checked.isGood(), checked.problems);
    return runStep(checked.cell(), {}, {{"v", v}});
  };
  CHECK(over("v * 0 + sum(v)")[0] == 2.5);
  CHECK(over("v * 0 + mean(v)")[0] == 0.625);
  CHECK(over("v * 0 + norm2(v)")[0] == std::sqrt(14.25));
  CHECK(over("v * 0 + dot(v, v + 1)")[0] == 14.25 + 2.5);
  CHECK(over("cumsum(v)") == Elements{1, -1, 2, 2.5});
  double sum = 0;
  for (double element : v)
    sum += std::exp(element - 3);
  double variance = 0;
  for (double element : v)
    variance += (element - 0.625) * (element - 0.625) / 4;
  for (size_t i = 0; i < v.size(); ++i) {
    CHECK(over("softmax(v)")[i] == doctest::Approx(std::exp(v[i] - 3) / sum).epsilon(1e-15));
    CHECK(over("layer_norm(v)")[i] ==
          doctest::Approx((v[i] - 0.625) / std::sqrt(variance + 1e-5)).epsilon(1e-15));
    CHECK(over("layer_norm(v, eps = 2)")[i] ==
          doctest::Approx((v[i] - 0.625) / std::sqrt(variance + 2)).epsilon(1e-15));
    CHECK(over("rms_norm(v)")[i] ==
          doctest::Approx(v[i] / std::sqrt(14.25 / 4 + 1e-6)).epsilon(1e-15));
    CHECK(over("rms_norm(v, eps = 1)")[i] ==
          doctest::Approx(v[i] / std::sqrt(14.25 / 4 + 1)).epsilon(1e-15));
  }
}

TEST_CASE("softmax subtracts the maximum") {
  Elements result = evaluate("softmax(x)", {1000, 1000});
  CHECK(result == Elements{0.5, 0.5});
  CHECK(evaluate("softmax(x)", {-1e300, 0}) == Elements{0, 1});
}

TEST_CASE("concat joins vectors in order") {
  Checked checked = check("cell a { input x[2], y[1]; output r = concat(y, x, y) }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(runStep(checked.cell(), {}, {{"x", {1, 2}}, {"y", {3}}}) == Elements{3, 1, 2, 3});
}

TEST_CASE("concat, reductions and slices take vectors") {
  for (std::string bad :
       {"concat(W, h)", "concat(1)", "sum(W)", "mean(2)", "norm2(W)", "dot(W, W)", "softmax(W)",
        "cumsum(1)", "layer_norm(W)", "rms_norm(3)", "W[0:1]", "(1 + 2)[0:1]"})
    CHECK(idsOf(cellWith("param W[H, H]\ny = " + bad + "\nh' = h + sum(x)")).front() ==
          "not-a-vector");
}

//===-- Arguments -----------------------------------------------------------------------------===//

TEST_CASE("arguments shown with = are given by name only") {
  CHECK(idsOf(cellWith("h' = leaky_relu(h, 0.1) + sum(x)")) == Strings{"named-argument"});
  CHECK(idsOf(cellWith("h' = layer_norm(h, 0.1) + sum(x)")) == Strings{"named-argument"});
  CHECK(idsOf(cellWith("h' = dropout(h, p = 0.1) + sum(x)")) == Strings{"named-argument"});
  CHECK(idsOf(cellWith("h' = linear(x, bias = 0)")) == Strings{"named-argument"});
  CHECK(idsOf(cellWith("h' = linear(x, bias = maybe)")) == Strings{"named-argument"});
}

TEST_CASE("a comparison stands only in where and in require, and the condition is expr > 0") {
  CHECK(idsOf(cellWith("h' = where(x[0:1] > 0, h, h)")) == Strings{"shape-mismatch"});
  CHECK(idsOf(cellWith("h' = where(sum(x) - 1 > 0, h, -h)")).empty());
  CHECK(idsOf(cellWith("h' = where(h > 1, h, h) + sum(x)")) == Strings{"bad-condition"});
  CHECK(idsOf(cellWith("h' = where(h >= 0, h, h) + sum(x)")) == Strings{"bad-condition"});
  CHECK(idsOf(cellWith("h' = where(h, h, h) + sum(x)")) == Strings{"bad-condition"});
  CHECK(idsOf(cellWith("h' = h > 0")) == Strings{"bad-condition"});
}

TEST_CASE("a matrix that changes from step to step is a diagnostic") {
  CHECK(idsOf(cellWith("param W[H, H]\nh' = (W * sum(x)) @ h")) == Strings{"changing-matrix"});
  CHECK(
      idsOf(
          "cell a { input u[U] per sequence; state h[H]; param W[H, H]; h' = (W * sum(u)) @ h }") ==
      Strings{"changing-matrix"});
  CHECK(idsOf(cellWith("param W[H, H], s[H]\nh' = (W * sum(s) - W.T @ W) @ h + sum(x)")).empty());
}

TEST_CASE("expressions of parameters alone are evaluated once per update") {
  Checked checked = check(cellWith("param W[H, H], u[H], dt\nV = W - W.T\nh' = h + softplus(dt) * "
                                   "(V @ h) + u / norm2(u) + sum(x)"));
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  for (const Op &op : checked.cell().ops) {
    bool isOfParams = op.shape.rank == 2 ||
                      (op.kind == OpKind::Call && (kFunctions[op.function].name == "softplus" ||
                                                   kFunctions[op.function].name == "norm2"));
    CHECK((op.rate == Rate::Update) ==
          (isOfParams || op.kind == OpKind::Param ||
           (op.kind == OpKind::Call && kFunctions[op.function].name == "div")));
  }
}

//===-- Random --------------------------------------------------------------------------------===//

TEST_CASE("at evaluation dropout(v, p) is v and zoneout(new, old, p) is p * old + (1 - p) * new") {
  CHECK(evaluate("dropout(x, 0.3)", {1, 2}) == Elements{1, 2});
  CHECK(evaluate("zoneout(x, y, 0.25)", {1, 2}, {5, 6}) ==
        Elements{0.25 * 5 + 0.75 * 1, 0.25 * 6 + 0.75 * 2});
}

TEST_CASE("in training units are dropped with probability p and the others scaled, zoned-out ones "
          "keep the old value") {
  Checked checked = check("cell a { input x[100]; state h[100]; output r = concat(dropout(x, "
                          "0.25), zoneout(x, h, 0.25)); h' = h }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  Bound bound = bind(checked.cell(), {});
  std::vector<Elements> inputs = {Elements(100, 3)};
  std::vector<Elements> states = {Elements(100, 7)};
  int dropped = 0;
  int kept = 0;
  for (uint32_t step = 0; step < 100; ++step) {
    Elements result =
        interpretStep(checked.cell(), bound, inputs, states, {}, RandomPlace{42, 0, step}).output;
    for (size_t i = 0; i < 100; ++i) {
      bool isKnown =
          (result[i] == 0 || result[i] == 4) && (result[100 + i] == 3 || result[100 + i] == 7);
      REQUIRE(isKnown);
      dropped += result[i] == 0;
      kept += result[100 + i] == 7;
    }
  }
  // 10,000 draws: 2500 with a standard deviation of 43; 5 of them.
  CHECK(std::abs(dropped - 2500) < 217);
  CHECK(std::abs(kept - 2500) < 217);
}

TEST_CASE("dropout per sequence draws the same mask at every step, another for every sequence") {
  Checked checked = check("cell a { input x[64]; output r = dropout(x, 0.5, per = sequence) }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  SequenceInput input;
  input.steps = 3;
  input.sequences = 2;
  input.inputs = {Elements(3 * 2 * 64, 1)};
  input.seed = 7;
  Elements out = interpretSequence(checked.cell(), bind(checked.cell(), {}), input).output;
  auto row = [&](int t, int n) {
    return Elements(out.begin() + (t * 2 + n) * 64, out.begin() + (t * 2 + n + 1) * 64);
  };
  CHECK(row(0, 0) == row(1, 0));
  CHECK(row(0, 0) == row(2, 0));
  CHECK(row(0, 0) != row(0, 1));
}

TEST_CASE("probabilities are compile-time numbers in [0, 1]") {
  CHECK(idsOf(cellWith("h' = dropout(h, 1.01) + sum(x)")) == Strings{"bad-probability"});
  CHECK(idsOf(cellWith("h' = zoneout(h, h, -1) + sum(x)")) == Strings{"bad-probability"});
  CHECK(idsOf(cellWith("option p = 0.5\nh' = dropout(h, p / 2) + sum(x)")).empty());
}

TEST_CASE(
    "random numbers depend on seed, site, sequence, step and element, and are uniform in [0, 1)") {
  double first = drawUniform(mixSeed(1, 0), 0, 0, 0);
  CHECK(first != drawUniform(mixSeed(2, 0), 0, 0, 0));
  CHECK(first != drawUniform(mixSeed(1, 1), 0, 0, 0));
  CHECK(first != drawUniform(mixSeed(1, 0), 1, 0, 0));
  CHECK(first != drawUniform(mixSeed(1, 0), 0, 1, 0));
  CHECK(first != drawUniform(mixSeed(1, 0), 0, 0, 1));
  double sum = 0;
  for (uint32_t i = 0; i < 10000; ++i) {
    double u = drawUniform(mixSeed(3, 5), i % 10, i / 10 % 10, i / 100);
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  CHECK(std::abs(sum / 10000 - 0.5) < 0.0145); // 5 standard deviations
  // The arithmetic, which code generation repeats; computed by an independent program.
  static_assert(mixWords({1, 2, 3, 4}) ==
                std::array<uint32_t, 4>{0x3622CD16, 0xF11471D8, 0xE1109B3F, 0x02B94C2F});
  static_assert(mixSeed(42, 3) == 0x581CE1FF);
  static_assert(drawUniform(mixSeed(42, 3), 5, 6, 7) == 0.5957013368606567);
}

} // namespace cellwright::test
