// Spaces: what a choice may stand for, what it means to make it, and what `check` promises.
#include "support.h"

#include "dsl/format.h"
#include "dsl/print.h"

namespace cellwright::test {

namespace {

using Chosen = std::map<std::string, int>;

struct Made {
  Frontend frontend{Frontend::Library::Never};
  CheckedCell checked;

  Made(const std::string &text, const Chosen &chosen) {
    Settings settings;
    for (const auto &[name, alternative] : chosen)
      settings.options.push_back({std::string_view(name), static_cast<double>(alternative)});
    frontend.addText("space.cell", text);
    auto last = static_cast<CellId>(frontend.program().files[0].cells.size()) - 1;
    checked = frontend.check(last, settings);
    printed = checked.isGood ? printCell(frontend.program(), checked, settings)
                             : frontend.renderProblems();
  }

  std::string printed;
};

/// A cell as it is printed once choices are made.
std::string made(const std::string &text, const Chosen &chosen) {
  return Made(text, chosen).printed;
}

/// What fmt makes of a cell with an input x[H], a state h[H] and these statements.
std::string plain(const std::string &statements) {
  Diagnostics diagnostics;
  return formatText("cell a { input x[H]; state h[H]; " + statements + " }", 0, diagnostics)
      .value_or("syntax error");
}

std::string space(const std::string &statements) {
  return "cell a {\n input x[H]\n state h[H]\n" + statements + "\n}";
}

/// Names of the choices that a cell has, in order.
std::vector<std::string> choicesOf(const std::string &text, const Chosen &chosen = {}) {
  Made made(text, chosen);
  std::vector<std::string> names;
  for (const CellChoice &choice : made.checked.choices)
    names.emplace_back(syntaxOf(made.frontend.program(), choice).name.view());
  return names;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a choice of functions calls the one that is chosen with the arguments behind it") {
  std::string text = space("h' = choose kind(tanh, relu, max)(x, h)");
  CHECK(made(text, {{"kind", 3}}) == plain("h' = max(x, h)"));
  text = space("fn gate(a, b) = sigmoid(linear(a, b))\n z = choose(linear, gate)(x, h)\n h' = z");
  CHECK(made(text, {}) == plain("z = linear(x, h); h' = z"));
  CHECK(made(text, {{"z", 2}}) ==
        plain("fn gate(a, b) = sigmoid(linear(a, b)); z = gate(x, h); h' = z"));
}

TEST_CASE("a choice of expressions stands wherever an operand does") {
  std::string text = space("h' = -choose a { x | x + h }[0:H] * choose b { 2 | 1 - h } ^ 2");
  CHECK(made(text, {}) == plain("h' = -x[0:H] * 2 ^ 2"));
  CHECK(made(text, {{"a", 2}, {"b", 2}}) == plain("h' = -(x + h)[0:H] * (1 - h) ^ 2"));
}

TEST_CASE("a plain name that is chosen gives linear's parameters its name") {
  std::string text = space("h' = tanh(linear(choose { x | h }))");
  CHECK(Made(text, {{"h", 1}}).checked.cell.params[0].name == "W_h_x");
  CHECK(Made(text, {{"h", 2}}).checked.cell.params[0].name == "W_h_h");
}

TEST_CASE("a choice of statements leaves all alternatives out but one, an empty one too") {
  std::string text = space(R"(
    choose form {
      u = tanh(x); v = u * h
    | v = x
    | state c[H]
      c' = x + c
      v = c'
    }
    h' = v
    choose forget { init W_h_v = 1 | })");
  CHECK(made(text, {}) == plain("u = tanh(x); v = u * h; h' = v"));
  CHECK(made(text, {{"form", 2}}) == plain("v = x; h' = v"));
  CHECK(Made(text, {{"form", 3}}).checked.cell.states.size() == 2);
}

TEST_CASE("sizes, options, bounds, initializers and bodies of repeat may hold choices") {
  std::string text = space(R"(
    option k = choose depth { 2 | 3 }
    param W[choose rows { H | 2 * H }, H] ~ normal(0, choose spread { 1 | 0.5 })
    y = x
    repeat l in 1..choose steps { k | 1 } {
      choose { y = tanh(y) | y = y * choose factor { l | 2 } }
    }
    h' = y + (W @ h)[0:H])");
  CHECK(choicesOf(text) == Names{"depth", "rows", "spread", "steps", "choice_1"});
  CHECK(choicesOf(text, {{"choice_1", 2}}) ==
        Names{"depth", "rows", "spread", "steps", "choice_1", "factor"});
  Chosen all = {{"depth", 2}, {"rows", 2}, {"spread", 2}, {"choice_1", 2}};
  std::string expected = "option k = 3; param W[2 * H, H] ~ normal(0, 0.5); y = x; "
                         "repeat l in 1..k { y = y * l }; h' = y + (W @ h)[0:H]";
  CHECK(made(text, all) == plain(expected));
}

TEST_CASE("a choice in a function or a repeat is made once, whoever uses it") {
  std::string text = "fn act(v) = choose(tanh, relu)(v)\n" +
                     space("y = act(x)\n repeat l in 1..2 { y = choose half { y | act(y) } * l }\n"
                           "h' = act(y)");
  CHECK(choicesOf(text) == Names{"act", "half"});
  CHECK(made(text, {{"act", 2}, {"half", 2}}) ==
        "cell a {\n  fn act(v) = relu(v)\n  input x[H]\n  state h[H]\n  y = act(x)\n"
        "  repeat l in 1..2 {\n    y = act(y) * l\n  }\n  h' = act(y)\n}\n");
}

TEST_CASE("functions that the chosen alternatives do not call have no choices") {
  std::string text =
      "fn lost(v) = choose(tanh, relu)(v)\nfn used(v) = choose(tanh, abs)(lost(v))\n" +
      space("fn own(v) = choose(sin, cos)(v)\n h' = choose(tanh, used, own)(x)");
  CHECK(choicesOf(text) == Names{"h"});
  CHECK(choicesOf(text, {{"h", 2}}) == Names{"lost", "used", "h"});
  CHECK(choicesOf(text, {{"h", 3}}) == Names{"own", "h"});
}

TEST_CASE("choices without a name are called by their statement, numbered if it has several") {
  CHECK(choicesOf(space("z = choose { x | h }\n"
                        "y = choose { x | h } + choose b { 1 | 2 } * choose { x | h }\n"
                        "choose { init W_z_x = 1 | }\n h' = z + y")) ==
        Names{"z", "y_1", "b", "y_2", "choice_1"});
}

TEST_CASE("a cell that derives from a space has its choices, but for what it replaces") {
  std::string text = space("z = choose(tanh, relu)(x)\n n = choose(sin, cos)(x)\n h' = z * n") +
                     "\ncell b from a { z = choose gate { h | x } }";
  CHECK(choicesOf(text) == Names{"n", "gate"});
  CHECK(made(text, {{"gate", 2}, {"n", 2}}).find("z = x\n  n = cos(x)") != std::string::npos);
}

TEST_CASE("check tries every alternative, those inside of others too, and reports each once") {
  std::string text = space("h' = choose a { x | choose b { x | choose c { h | sigmod(x) } } }");
  CHECK(idsOf(text) == std::vector<std::string>{"unknown-function"});
  CHECK(idsOf(space("choose { y = tanh(x) | y = x; unused = 1 }\n"
                    "choose { init b_q = 1 | init b_g = 1 }\n"
                    "g = choose { linear(x) | x }\n h' = y + g")) ==
        std::vector<std::string>{"unknown-parameter"});
}

TEST_CASE("a space with thousands of alternatives is checked up to a limit") {
  std::string text = "h' = x";
  for (int i = 0; i < 3000; ++i)
    text += " + choose c" + std::to_string(i) + " { x | h }";
  CHECK(idsOf(space(text)) == std::vector<std::string>{"too-many-operations"});
}

TEST_CASE("fmt lays out choices") {
  Diagnostics diagnostics;
  std::string text = "cell a{choose kind{0.5:a=choose(tanh,2:relu)( x[0 : 2] ) # why\n|\n\n"
                     "b=choose{1|-choose c{x|2:-h}-1}|};}";
  CHECK(formatText(text, 0, diagnostics).value_or("syntax error") == R"(cell a {
  choose kind {
    0.5: a = choose(tanh, 2: relu)(x[0:2])  # why
  |
    b = choose { 1 | -choose c { x | 2: -h } - 1 }
  |
  }
}
)");
}

} // namespace cellwright::test
