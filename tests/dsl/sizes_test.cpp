// The sentences of LANGUAGE.md about values and sizes.
#include "support.h"

namespace cellwright::test {

using Strings = std::vector<std::string>;

namespace {

/// The shape of a parameter of the only cell, as text.
std::string shapeOf(const Checked &checked, std::string_view name) {
  for (const Param &param : checked.cell().params)
    if (param.name == name)
      return std::string(shapeText(checked.cell(), param.shape).view());
  return "no such parameter";
}

/// The problems of binding a cell, one line each.
Strings bindProblems(const std::string &text, const std::map<std::string, int64_t> &dimensions,
                     const std::map<std::string, int64_t> &inputs = {}) {
  Checked checked = check(text);
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  std::vector<SizeFact> facts;
  for (const auto &[name, number] : inputs)
    for (const Input &input : checked.cell().inputs)
      if (input.name == name)
        facts.push_back({input.shape.rows, number, makeText("in.", name)});
  for (const auto &[name, number] : dimensions)
    addDimensionFact(checked.cell(), name, number, facts);
  Diagnostics problems;
  bindCell(checked.cell(), facts, problems);
  Strings lines;
  for (const Diagnostic &diagnostic : problems.all())
    lines.emplace_back(makeText(rowOf(diagnostic.id).name, ": ", diagnostic.message).view());
  return lines;
}

} // namespace

TEST_CASE("a dimension is a positive integer, a name, or + - * / of those, with parentheses and "
          "the usual precedence") {
  Checked checked = check(
      cellWith("param p[3], q[2 + 3 * 4], r[(2 + 3) * 4], s[H + I * 2 - 1], t[(H + I) * 2 / 2], "
               "u[8 / 2 / 2], v[H - (I - 1)]\n"
               "h' = h + sum(x) * sum(concat(p, q, r, s, t, u, v))"));
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(shapeOf(checked, "p") == "[3]");
  CHECK(shapeOf(checked, "q") == "[14]");
  CHECK(shapeOf(checked, "r") == "[20]");
  CHECK(shapeOf(checked, "s") == "[2 * I + H - 1]");
  CHECK(shapeOf(checked, "t") == "[I + H]");
  CHECK(shapeOf(checked, "u") == "[2]");
  CHECK(shapeOf(checked, "v") == "[H - I + 1]");
}

TEST_CASE("names of inputs, states and parameters are sizes of their own until a require says they "
          "are equal") {
  CHECK(idsOf(cellWith("h' = h + x")) == Strings{"shape-mismatch"});
  CHECK(idsOf(cellWith("require I == H\nh' = h + x")).empty());
  CHECK(idsOf(cellWith("h' = h + x\nrequire I == H")).empty());
  CHECK(idsOf(cellWith("require I == 2 * H\nh' = h + x[0:H] + x[H:I]")).empty());
  CHECK(idsOf(cellWith("require 2 * H == I\nrequire I == J\nparam p[J]\nh' = h * sum(x + p) + "
                       "concat(h, h)[0:H] + p[H:2 * H]"))
            .empty());
  CHECK(idsOf("cell a { input x[I]; state h[H]; param p[K]; require H == I + K; h' = h + concat(x, "
              "p) }")
            .empty());
}

TEST_CASE("the checker uses a require that cannot be solved for a name") {
  CHECK(idsOf(cellWith("param p[4], q[H * H]\nrequire H * H == 4\nh' = h * sum(p + q) + sum(x)"))
            .empty());
  CHECK(idsOf(cellWith(
                  "param p[H * H * I], q[4 * I]\nrequire 4 == H * H\nh' = h * sum(p + q) + sum(x)"))
            .empty());
  CHECK(idsOf(cellWith(
            "param p[H * H + 1], q[4]\nrequire H * H == 4\nh' = h * sum(p + q) + sum(x)")) ==
        Strings{"shape-mismatch"});
  CHECK(
      idsOf(cellWith("param p[2 / H * 3], q[6]\nrequire 2 == 2 / H\nh' = h * sum(p + q) + sum(x)"))
          .empty());
}

TEST_CASE("sizes whose quotients cancel are equal") {
  CHECK(idsOf(cellWith("param p[(I + 1) * (H / (I + 1))], q[H]\nh' = h * sum(p + q) + sum(x)"))
            .empty());
  CHECK(
      idsOf(cellWith(
                "param p[H / (I + 1) + 1], q[(H + I + 1) / (I + 1)]\nh' = h * sum(p + q) + sum(x)"))
          .empty());
}

TEST_CASE("of an equation with several solutions the one is taken that others demand") {
  std::string text = "cell a { input x[F * (6 - F)], y[F]; state h[H]; h' = h * sum(x) * sum(y) }";
  CHECK(bindProblems(text, {{"H", 2}}, {{"x", 8}, {"y", 4}}).empty());
  CHECK(bindProblems(text, {{"H", 2}}, {{"x", 8}, {"y", 2}}).empty());
}

TEST_CASE("an equation that holds for any size fixes none") {
  std::string text =
      "cell a { input x[E], y[F], z[D]; state h[H]; require E + F * D == 1 + F; h' = h "
      "* sum(x) * sum(y) * sum(z) }";
  CHECK(bindProblems(text, {{"H", 2}}, {{"x", 1}, {"y", 6}, {"z", 1}}).empty());
  CHECK(bindProblems(text, {{"H", 2}}, {{"x", 1}, {"z", 1}}) ==
        Strings{"open-dimension: nothing fixes dimension `F`; give its size with `--dim F=...`"});
}

TEST_CASE("a contradiction between requires is reported") {
  CHECK(idsOf(cellWith("require I == H\nrequire I == 2 * H\nh' = h + x")) ==
        Strings{"require-failed"});
  CHECK(idsOf(cellWith("require H == 3\nrequire H == 4\nh' = h + sum(x)")) ==
        Strings{"require-failed"});
}

TEST_CASE("two vectors in one + have the same size, and scalars combine with anything") {
  CHECK(idsOf(cellWith("param W[H, H], s\nh' = (W * s + s) @ h * s + s - 1 + sum(x)")).empty());
  CHECK(idsOf(cellWith("param W[H, H]\nh' = (W + h) @ h + sum(x)")) == Strings{"shape-mismatch"});
  CHECK(idsOf(cellWith("param W[H, H], V[H, I]\nh' = (W + V) @ h + sum(x)")) ==
        Strings{"shape-mismatch"});
}

TEST_CASE("sizes of intermediate values are inferred from later uses too") {
  CHECK(idsOf(cellWith("m = linear(x)\nn = m * 2\nh' = n + h")).empty());
  CHECK(idsOf(cellWith("m = linear(x)\nn = concat(m, h)\np = linear(h)\nq = n + p\nk[3 * H] = "
                       "n\nh' = h + sum(q)")) == Strings{"unused"});
  CHECK(idsOf(cellWith("m = linear(x)\nn = concat(m, m, h)\nk = n + param_1\nparam param_1[5 * "
                       "H]\nh' = h * sum(k) + m[0:H]"))
            .empty());
  CHECK(idsOf("cell a { state h[H]; p = linear(h); q = linear(h); s = concat(p, q) + h; k = p + "
              "h[0:3]; h' = s * sum(k) }")
            .empty());
}

TEST_CASE("a size that nothing fixes is a diagnostic that says which annotation would fix it") {
  CHECK(problemsOf(cellWith("m = linear(x)\nn = tanh(m)\nh' = linear(n)")) ==
        Strings{"4:5 open-size: nothing fixes the size of `m`; give it one: `m[K] = ...`"});
  CHECK(idsOf(cellWith("m[K] = linear(x)\nn = tanh(m)\nh' = linear(n)")).empty());
  CHECK(idsOf(cellWith("m[2 * H] = linear(x)\nh' = linear(m)")).empty());
  CHECK(idsOf(cellWith("m = linear(x)\nn[K] = tanh(m)\nh' = linear(n)")).empty());
}

TEST_CASE("the name of an annotation takes any size, and is open if nothing fixes it") {
  CHECK(idsOf(cellWith("m[K] = linear(x)\nh' = h + m")).empty());
  CHECK(idsOf(cellWith("m[K] = x\nh' = h + linear(m)")).empty());
  CHECK(bindProblems(cellWith("m[K] = linear(x)\nh' = linear(m)"), {{"H", 2}, {"I", 3}}) ==
        Strings{"open-dimension: nothing fixes dimension `K`; give its size with `--dim K=...`"});
  CHECK(bindProblems(cellWith("m[K] = linear(x)\nh' = linear(m)"), {{"H", 2}, {"I", 3}, {"K", 4}})
            .empty());
  CHECK(bindProblems(cellWith("m[K] = linear(x)\nh' = h + m"), {{"H", 2}, {"I", 3}, {"K", 4}})
            .size() == 1);
}

TEST_CASE("a division of sizes is exact or a diagnostic") {
  CHECK(idsOf(cellWith("param p[7 / 2]\nh' = h * sum(p) + sum(x)")) == Strings{"inexact-division"});
  std::string half = "cell a { state h[H]; h' = h + sum(h[0:H / 2]) }";
  CHECK(bindProblems(half, {{"H", 4}}).empty());
  CHECK(bindProblems(half, {{"H", 5}}) ==
        Strings{"inexact-division: `H / 2` is 5 / 2 with H = 5; a division of sizes is exact"});
  CHECK(bindProblems("cell a { state h[H]; param p[H / 2 * 2]; h' = h + p }", {{"H", 5}}).size() ==
        1);
  CHECK(bindProblems("cell a { state h[H]; param p[6 / H]; h' = h + sum(p) }", {{"H", 3}}).empty());
  CHECK(bindProblems("cell a { state h[H]; param p[6 / H]; h' = h + sum(p) }", {{"H", 4}}).size() ==
        1);
}

TEST_CASE("a division of what is not computed need not be exact") {
  std::string text =
      "cell a { state h[H]; y = h[0:H / 2]; m[H / 2 * 2] = -h; param p[H / 2]; h' = ";
  CHECK(bindProblems(text + "h }", {{"H", 5}}).empty());
  CHECK(bindProblems(text + "h * sum(y) * sum(m) * sum(p) }", {{"H", 5}}).size() == 3);
}

TEST_CASE("slices need both bounds, have size b - a and follow any vector expression") {
  Checked checked = check(
      "cell a { state h[2 * H]; output y = concat(h[0:H] + h[H:2 * H], tanh(h)[1:3], (h + h)[0:1], "
      "h[0:4][1:2]); h' = h }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  const Cell &cell = checked.cell();
  CHECK(shapeText(cell, cell.ops[cell.output].shape) == "[H + 4]");
  CHECK(idsOf(cellWith("h' = h[3] + sum(x)")) == Strings{"bad-slice"});
  CHECK(runStep(cell, {{"H", 2}}, {{"h", {1, 2, 3, 4}}}) ==
        Elements{4, 6, std::tanh(2.0), std::tanh(3.0), 2, 2});
}

TEST_CASE("slices that leave their vector are found when numbers are known") {
  std::string text = "cell a { state h[H]; h' = h + sum(h[2:K]) }";
  CHECK(bindProblems(text, {{"H", 5}, {"K", 5}}).empty());
  CHECK(bindProblems(text, {{"H", 5}, {"K", 6}}).size() == 1);
  CHECK(bindProblems(text, {{"H", 5}, {"K", 2}}).size() == 1);
  CHECK(bindProblems(text, {{"H", 5}, {"K", 1}}).size() == 1);
}

TEST_CASE("inputs, states and the output are vectors, matrices and scalars are parameters and "
          "named values") {
  CHECK(idsOf("cell a { input x; state h[H]; h' = h * x }") == Strings{"not-a-vector"});
  CHECK(idsOf("cell a { state h[H, H]; h' = h }") == Strings{"not-a-vector"});
  CHECK(idsOf(cellWith("output y = sum(x)\nh' = h")) == Strings{"scalar-assignment"});
  CHECK(
      idsOf(cellWith("param W[H, H], s\nV = W - W.T\nk = s * 2\nh' = V @ h * k + sum(x)")).empty());
}

TEST_CASE("an output may carry its size") {
  CHECK(idsOf(cellWith("output y[H] = h\nh' = h + sum(x)")).empty());
  CHECK(idsOf(cellWith("output y[I] = h\nh' = h + sum(x)")) == Strings{"shape-mismatch"});
  CHECK(idsOf(cellWith("output y[K] = linear(x)\nh' = h")).empty());
  CHECK(idsOf(cellWith("output y = linear(x)\nh' = h")) == Strings{"open-size"});
}

TEST_CASE("a scalar is not assigned to a state or to a name with a size") {
  CHECK(idsOf(cellWith("h' = sum(x)")) == Strings{"scalar-assignment"});
  CHECK(idsOf(cellWith("m[H] = 1\nh' = h + m + sum(x)")) == Strings{"scalar-assignment"});
  CHECK(idsOf(cellWith("m = 1\nh' = h + m + sum(x)")).empty());
}

TEST_CASE("size(v) is the number of elements, a compile-time number") {
  Checked checked =
      check(cellWith("param W[H, H] ~ uniform(-size(h) ^ -0.5, size(h) ^ -0.5), s\n"
                     "h' = W @ h * size(h) ^ -0.5 + size(W) + size(s) + size(concat(x, h))"));
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  Elements result =
      runStep(checked.cell(), {{"H", 4}, {"I", 3}}, {{"W", Elements(16, 1)}, {"h", {1, 2, 3, 4}}});
  CHECK(result == Elements(4, 10 * 0.5 + 16 + 1 + 7));
}

TEST_CASE("a compile-time number with an integer value may stand in sizes and bounds") {
  Checked checked =
      check(cellWith("option k = 3, half = 0.5\nparam p[k * H], q[2 ^ k], r[size(x)], s[half * 4]\n"
                     "y = h\nrepeat l in k - 1..k { y = y * p[0:H] + l }\n"
                     "h' = y + sum(concat(p, q, r, s)) + sum(h[0:k])"));
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(shapeOf(checked, "p") == "[3 * H]");
  CHECK(shapeOf(checked, "q") == "[8]");
  CHECK(shapeOf(checked, "r") == "[I]");
  CHECK(shapeOf(checked, "s") == "[2]");
}

TEST_CASE("an option made of sizes may stand in sizes, exactly") {
  Checked checked =
      check("cell a { option twice = 2 * size(h), half = size(h) / 2, root = size(h) ^ "
            "0.5; state h[H]; param p[twice + 1]; h' = h * sum(p) * half + "
            "sum(h[0:half]) * root }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(shapeOf(checked, "p") == "[2 * H + 1]");
  std::string text = "cell a { option half = size(h) / 2; state h[H]; h' = h + sum(h[0:half]) }";
  CHECK(bindProblems(text, {{"H", 4}}).empty());
  CHECK(bindProblems(text, {{"H", 5}}).size() == 1);
  CHECK(bindProblems(
            "cell a { option half = size(h) / 2; state h[H]; require half > 2; h' = h * half }",
            {{"H", 5}})
            .empty());
  CHECK(idsOf("cell a { option k = 0.5 * size(h); state h[H]; param p[k]; h' = h * sum(p) }") ==
        Strings{"bad-size"});
}

TEST_CASE("each size of a tensor is an equation") {
  std::string text = "cell a { input x[2 * K]; state h[K + 1]; h' = h + sum(x) }";
  CHECK(bindProblems(text, {}, {{"x", 6}}).empty());
  CHECK(bindProblems(text, {}, {{"x", 7}}).size() == 1);
  CHECK(bindProblems("cell a { input x[K * K]; state h[K]; h' = h + sum(x) }", {}, {{"x", 49}})
            .empty());
  CHECK(bindProblems("cell a { input x[I], y[I + J]; state h[J]; h' = h + sum(x) + sum(y) }", {},
                     {{"x", 3}, {"y", 5}})
            .empty());
}

TEST_CASE("a require of equality is an equation at run time") {
  CHECK(bindProblems(cellWith("require I == 2 * H\nh' = h + sum(x)"), {}, {{"x", 6}}).empty());
  CHECK(bindProblems(cellWith("require 2 * I == 3 * H\nh' = h + sum(x)"), {}, {{"x", 6}}).empty());
  CHECK(bindProblems(cellWith("require 2 * I == 3 * H\nh' = h + sum(x)"), {}, {{"x", 5}}).size() ==
        1);
  CHECK(bindProblems(cellWith("require I * I == H * H\nh' = h + sum(x)"), {}, {{"x", 6}}).empty());
}

TEST_CASE("a contradiction names both sources") {
  Strings problems = bindProblems(cellWith("require I == H\nh' = h + x"), {{"H", 4}}, {{"x", 3}});
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].find("in.x") != std::string::npos);
  CHECK(problems[0].find("--dim H=4") != std::string::npos);
}

TEST_CASE("what stays open needs --dim") {
  CHECK(bindProblems(cellWith("h' = h + sum(x)"), {}, {{"x", 3}}) ==
        Strings{"open-dimension: nothing fixes dimension `H`; give its size with `--dim H=...`"});
}

TEST_CASE("require compares sizes and options") {
  for (std::string sign : {"==", "!=", "<", "<=", ">", ">="})
    CHECK(idsOf(cellWith("option k = 1\nrequire k * H + 1 " + sign + " I \"why\"\nh' = h + sum(x)"))
              .empty());
  CHECK(idsOf(cellWith("option k = 0.5\nrequire k < 0.6\nrequire k / 2 >= 0.25\nh' = h + sum(x)"))
            .empty());
  CHECK(bindProblems(cellWith("require H > I \"H holds I\"\nh' = h + sum(x)"),
                     {{"H", 3}, {"I", 3}}) ==
        Strings{"require-failed: `require H > I` does not hold, its sides are 3 and 3: H holds I"});
  CHECK(
      bindProblems(cellWith("require H / 2 >= I\nh' = h + sum(x)"), {{"H", 5}, {"I", 1}}).size() ==
      1);
}

TEST_CASE("check reports a require already if both sides are numbers") {
  CHECK(idsOf(cellWith("option k = 0\nrequire k >= 1\nh' = h + sum(x)")) ==
        Strings{"require-failed"});
  CHECK(idsOf("cell a { state h[3]; require size(h) == 4; h' = h }") == Strings{"require-failed"});
}

TEST_CASE("sizes are below 2^31 and positive") {
  CHECK(idsOf(cellWith("param p[2147483648]\nh' = h + sum(x) + sum(p)")) == Strings{"size-limit"});
  CHECK(idsOf(cellWith("param p[2147483647]\nh' = h + sum(x) + sum(p)")).empty());
  CHECK(bindProblems("cell a { state h[H * H]; h' = h }", {{"H", 100000}}).size() == 1);
  CHECK(bindProblems("cell a { state h[H - 4]; h' = h }", {{"H", 4}}).size() == 1);
  CHECK(bindProblems("cell a { state h[H - 4]; h' = h }", {{"H", 5}}).empty());
  CHECK(bindProblems("cell a { state h[H]; h' = h }", {{"H", -3}}).size() == 1);
  CHECK(idsOf(cellWith("param p[9223372036854775807 * 9 * H]\nh' = h + sum(x) + sum(p)")) ==
        Strings{"bad-size"});
}

} // namespace cellwright::test
