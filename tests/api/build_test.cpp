// The builder as programs use it: expressions, statements, what is refused.
#include <cellwright/build.h>

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <limits>

// Outside of the library's namespace, whose front end has classes of the same names.
namespace {

using namespace cellwright::build;
using cellwright::errorOf;

TEST_CASE("expressions are written with the parentheses that they need") {
  Value a("a"), b("b"), c("c");
  Function tanh("tanh");
  CHECK(((a + b) * c).text() == "(a + b) * c");
  CHECK((a + b * c).text() == "a + b * c");
  CHECK((a - (b - c)).text() == "a - (b - c)");
  CHECK((a / (b * c)).text() == "a / (b * c)");
  CHECK((-(a + b)).text() == "-(a + b)");
  CHECK(power(-a, 2).text() == "(-a) ^ 2");
  CHECK((-power(a, 2)).text() == "-a ^ 2");
  CHECK(power(a, -0.5).text() == "a ^ -0.5");
  CHECK(power(a, power(b, 2)).text() == "a ^ (b ^ 2)");
  CHECK(product(a - b, c).text() == "(a - b) @ c");
  CHECK(product(a.transposed(), c).text() == "a.T @ c");
  CHECK((a + b).transposed().text() == "(a + b).T");
  CHECK((a * b).slice(0, size(c) / 2).text() == "(a * b)[0:size(c) / 2]");
  CHECK((1 - tanh(a)).text() == "1 - tanh(a)");
  CHECK((a * -2).text() == "a * -2");
  CHECK(where(a - b > 0, a, 1e-5).text() == "where(a - b > 0, a, 1e-05)");
  CHECK(linear(a, b, noBias()).text() == "linear(a, b, bias = false)");
  CHECK(Function("rms_norm")(a, Argument("eps", 0.5)).text() == "rms_norm(a, eps = 0.5)");
  CHECK(Function("dropout")(a, 0.25, perSequence()).text() == "dropout(a, 0.25, per = sequence)");
}

TEST_CASE("every kind of statement can be built") {
  CellBuilder cell("all");
  Dimension I("I"), H("H");
  Value k = cell.option("k", 2);
  Input x = cell.input("x", I);
  Input style = cell.input("style", 2 * H, Changes::PerSequence);
  State h = cell.state("h", H), c = cell.state("c", H);
  Param W = cell.param("W", {H, H}, draw("uniform", -0.5, 0.5));
  Param s = cell.param("s", {}, startAt(0.25).frozen());
  cell.require(H >= 2, "halves");
  Function gate = cell.fn("gate", {"a", "b"}, Function("sigmoid")(linear(Value("a"), Value("b"))));
  Value z = cell.let("z", gate(x, h));
  Value m = cell.let("m", H, linear(style));
  cell.let("y", m * s);
  cell.repeat("l", 1, k,
              [&](const Value &l) { cell.let("y", Function("tanh")(product(W, Value("y")) + l)); });
  cell.next(c, z * c + Value("y"));
  cell.next(h, c.next() + concat(h.slice(0, 1), h.slice(1, H)));
  cell.output("out", 2 * H, concat(h.next(), c));
  cell.init("b_z", startAt(1));
  CHECK(cell.check().text() == cell.check().text());
  CHECK(cell.check().text() == "cell all {\n"
                               "  option k = 2\n"
                               "  input x[I]\n"
                               "  input style[2 * H] per sequence\n"
                               "  state h[H], c[H]\n"
                               "  param W[H, H] ~ uniform(-0.5, 0.5)\n"
                               "  param s = 0.25 frozen\n"
                               "  require H >= 2 \"halves\"\n"
                               "  fn gate(a, b) = sigmoid(linear(a, b))\n"
                               "  z = gate(x, h)\n"
                               "  m[H] = linear(style)\n"
                               "  y = m * s\n"
                               "  repeat l in 1..k {\n"
                               "    y = tanh(W @ y + l)\n"
                               "  }\n"
                               "  c' = z * c + y\n"
                               "  h' = c' + concat(h[0:1], h[1:H])\n"
                               "  output out[2 * H] = concat(h', c)\n"
                               "  init b_z = 1\n"
                               "}\n");
}

TEST_CASE("a built cell that is wrong has the diagnostics of its text") {
  CellBuilder cell("mine");
  State h = cell.state("h", Dimension("H"));
  cell.next(h, Function("sigmod")(h));
  CHECK(errorOf([&] { cell.check(); }) ==
        "mine:3:8: error: unknown function `sigmod`; did you mean `sigmoid`? [unknown-function]\n"
        "  h' = sigmod(h)\n"
        "       ^~~~~~");
}

TEST_CASE("a condition of `where` that the language does not have is a diagnostic") {
  CellBuilder cell("mine");
  State h = cell.state("h", Dimension("H"));
  cell.next(h, where(h > 1, h, 0));
  CHECK(errorOf([&] { cell.check(); }).find("[bad-condition]") != std::string::npos);
}

TEST_CASE("what is no name, number or reason is refused at once") {
  CellBuilder cell("mine");
  CHECK(errorOf([] { Value("a b"); }) ==
        "`a b` is no name: a letter or `_`, then letters, digits, `_`");
  CHECK(errorOf([] { CellBuilder(""); }).find("`` is no name") == 0);
  CHECK(errorOf([&] { cell.state("h }\n", 1); }).find("is no name") != std::string::npos);
  CHECK(errorOf([] { Function("1st"); }).find("`1st` is no name") == 0);
  CHECK(errorOf([] { Expr(std::numeric_limits<double>::infinity()); }) ==
        "inf is no number of the language");
  CHECK(errorOf([&] { cell.require(Dimension("H") > 1, "a \"b\""); }) ==
        "a reason has neither quotes nor line ends: a \"b\"");
}

} // namespace
