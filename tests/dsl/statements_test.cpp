// The sentences of LANGUAGE.md about statements: declarations, initializers, `from`, `import`,
// `repeat`, `fn`.
#include "support.h"

#include "dsl/print.h"
#include "tests/support/temporary_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

namespace cellwright::test {

using Strings = std::vector<std::string>;

namespace {

Checked good(const std::string &text, const Settings &settings = {}) {
  Checked checked = check(text, settings);
  CHECK_MESSAGE(checked.problems == "", checked.problems);
  for (size_t i = 0; i < checked.cells.size(); ++i)
    REQUIRE_MESSAGE(checked.isGood(i), text);
  return checked;
}

Strings paramsOf(const Cell &cell) {
  Strings names;
  for (const Param &param : cell.params)
    names.emplace_back(param.name.view());
  return names;
}

Strings statesOf(const Cell &cell) {
  Strings names;
  for (const State &state : cell.states)
    names.emplace_back(state.name.view());
  return names;
}

const Param &paramOf(const Cell &cell, std::string_view name) {
  for (const Param &param : cell.params)
    if (param.name == name)
      return param;
  FAIL("no parameter " << std::string(name));
  return cell.params[0];
}

/// The canonical text of one cell of a text: equal for cells with equal operations.
std::string opsOf(const std::string &text, size_t cell) {
  Checked checked = check(text);
  REQUIRE_MESSAGE(checked.isGood(cell), checked.problems);
  return std::string(canonicalText(checked.cell(cell)).view());
}

const std::string kLstm = R"(
cell lstm {
  input x[I]
  state h[H], c[H]
  i = sigmoid(linear(x, h))
  f = sigmoid(linear(x, h))
  g = tanh(linear(x, h))
  o = sigmoid(linear(x, h))
  c' = f * c + i * g
  h' = o * tanh(c')
  init b_f = 1
}
)";

/// A folder with files, for imports.
class Folder : public TemporaryFolder {
public:
  explicit Folder(const std::map<std::string, std::string> &files) {
    for (const auto &[name, text] : files) {
      std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
      std::ofstream(*this / name, std::ios::binary) << text;
    }
  }
};

Strings fileIds(const std::string &path) {
  Frontend frontend;
  frontend.addFile(path);
  frontend.checkAll();
  frontend.renderProblems();
  Strings ids;
  for (const Diagnostic &diagnostic : frontend.program().diagnostics.all())
    ids.emplace_back(rowOf(diagnostic.id).name);
  return ids;
}

} // namespace

//===-- Declarations --------------------------------------------------------------------------===//

TEST_CASE("declarations hold for the whole cell wherever they stand") {
  good("cell a { h' = k * gate(h) + linear(x) + p\n init b_h = 1\n fn gate(a) = tanh(a)\n require "
       "H > k\n"
       "param p[H]\n option k = 2\n state h[H]\n input x[I] }");
}

TEST_CASE("a declaration may need the size of a value that statements make") {
  Checked checked =
      good("cell a { option j = k + 1, k = size(m); input x[I]; param g[size(m)]; state h[H]\n"
           "m = concat(x, h); require size(m) == H + I; output y = m * g * j; h' = h }");
  const Cell &cell = checked.cell();
  CHECK(shapeText(cell, paramOf(cell, "g").shape) == "[I + H]");
  CHECK(runStep(cell, {{"H", 1}, {"I", 1}}, {{"x", {2}}, {"h", {3}}, {"g", {1, 10}}}) ==
        Elements{2 * 3, 3 * 30});
  CHECK(idsOf(cellWith("m[2 * H] = linear(x)\nrequire size(m) == 3 * H\nh' = h * sum(m)")) ==
        Strings{"require-failed"});
  good(cellWith("m = linear(x)\nrequire size(m) == 3 * H\nh' = h * sum(m)"));
  // It holds for the whole cell, so it sees nothing of a micro-step in which it is first needed.
  CHECK(idsOf(cellWith(
            "y = h + sum(x)\noption k = l * size(y)\nrepeat l in 1..2 { y = y * k }\nh' = y")) ==
        Strings{"unknown-name"});
}

TEST_CASE("names are assigned before their use, and a next state may be read after it") {
  CHECK(idsOf(cellWith("h' = y\ny = h + sum(x)")) == Strings{"use-before-assignment"});
  CHECK(idsOf("cell a { state h[H], c[H]; h' = c'; c' = h }") == Strings{"use-before-assignment"});
  good("cell a { state h[H], c[H]; c' = tanh(h) + c; h' = c' * h }");
}

TEST_CASE("a name is assigned once, a state exactly once") {
  CHECK(idsOf(cellWith("y = x\ny = h\nh' = h + sum(y)")) == Strings{"duplicate-name"});
  CHECK(idsOf(cellWith("h' = h\nh' = h + sum(x)")) == Strings{"duplicate-name"});
  CHECK(idsOf(cellWith("y = h + sum(x)")) == Strings{"unassigned-state"});
}

TEST_CASE("several inputs are allowed, some of them per sequence") {
  Checked checked = good("cell a { input x[I], u[U] per sequence\n input v[V]\n state h[H]; h' = "
                         "tanh(linear(x, u, v, h)) }");
  const Cell &cell = checked.cell();
  REQUIRE(cell.inputs.size() == 3);
  CHECK(!cell.inputs[0].perSequence);
  CHECK(cell.inputs[1].perSequence);
  CHECK(!cell.inputs[2].perSequence);
}

TEST_CASE("compile-time numbers are numbers, options, counters, size(...) and + - * / ^ of these") {
  good(cellWith("option a = 2, b = a ^ 2 - 1 / 3 * -a, c = size(h) + b\nparam p[H] ~ uniform(-a, b "
                "/ c), q = a * size(x) ^ -0.5\n"
                "y = leaky_relu(h, slope = a / 10) + layer_norm(h, eps = 1e-3 * a) + dropout(h, a "
                "/ 4) + h ^ (a - 1)\n"
                "repeat l in 1..2 { y = y * l + h ^ l }\nh' = y + p + q + sum(x)"));
  CHECK(idsOf(cellWith("option a = tanh(1)\nh' = h * a + sum(x)")) == Strings{"not-constant"});
  CHECK(idsOf(cellWith("h' = h ^ sum(x)")) == Strings{"not-constant"});
  CHECK(idsOf(cellWith("param p\nh' = dropout(h, p) + sum(x)")) == Strings{"not-constant"});
}

TEST_CASE("options may stand in any order but not need themselves") {
  Checked checked = good("cell a { option a = b + 1; option b = 3; state h[H]; h' = h * a }");
  CHECK(runStep(checked.cell(), {{"H", 1}}, {{"h", {2}}}) == Elements{8});
  CHECK(idsOf("cell a { option a = b; option b = a; state h[H]; h' = h * a }") ==
        Strings{"option-cycle"});
}

TEST_CASE("an option is changed by a setting, in what depends on it too") {
  Settings settings;
  settings.options.push_back({"k", 5});
  Checked checked = good("cell a { option k = 2; option m = k * 2; state h[H]; y = h\nrepeat l in "
                         "1..k { y = y + 1 }\nh' = y + m }",
                         settings);
  CHECK(runStep(checked.cell(), {{"H", 1}}, {{"h", {2}}}) == Elements{2 + 5 + 10});
}

TEST_CASE("a setting that the cell does not have is a problem with a suggestion") {
  Settings settings;
  settings.options.push_back({"depht", 5});
  Checked checked = check("cell a { option depth = 2; state h[H]; h' = h * depth }", settings);
  CHECK(!checked.isGood());
  CHECK(checked.problems ==
        "error: cell `a` has no option `depht`; did you mean `depth`? [unknown-setting]\n");
}

//===-- Initializers --------------------------------------------------------------------------===//

TEST_CASE("defaults of initializers: glorot for matrices, zeros for vectors and scalars, "
          "orthogonal for linear of states") {
  Checked checked =
      good(cellWith("param W[H, I], b[H], s\nh' = tanh(W @ x + b * s + linear(x, h, tanh(h)))"));
  const Cell &cell = checked.cell();
  CHECK(paramOf(cell, "W").initializer.kind == InitializerKind::Glorot);
  CHECK(!paramOf(cell, "W").initializer.linearOfState);
  CHECK(paramOf(cell, "b").initializer.kind == InitializerKind::Zeros);
  CHECK(paramOf(cell, "s").initializer.kind == InitializerKind::Zeros);
  CHECK(!paramOf(cell, "W_h_x").initializer.linearOfState);
  CHECK(paramOf(cell, "W_h_h").initializer.linearOfState);
  CHECK(!paramOf(cell, "W_h_3").initializer.linearOfState);
  CHECK(paramOf(cell, "b_h").initializer.kind == InitializerKind::Zeros);
}

TEST_CASE("all initializers are known, with their arguments, and frozen follows them") {
  Checked checked = good(cellWith(
      "param A[H, H] ~ glorot, B[H, H] ~ he, C[H, H] ~ orthogonal frozen, D[H, H] ~ identity(2)\n"
      "param E[H, H] ~ uniform(-1, 2), F[H, H] ~ normal(0, 0.1), G[H, H] ~ zeros, K[H, H] = 0.5 "
      "frozen, L[H, H] frozen\n"
      "h' = (A + B + C + D + E + F + G + K + L) @ h + sum(x)"));
  const Cell &cell = checked.cell();
  InitializerKind kinds[] = {
      InitializerKind::Glorot,   InitializerKind::He,       InitializerKind::Orthogonal,
      InitializerKind::Identity, InitializerKind::Uniform,  InitializerKind::Normal,
      InitializerKind::Zeros,    InitializerKind::Constant, InitializerKind::Glorot};
  for (size_t i = 0; i < 9; ++i)
    CHECK(cell.params[i].initializer.kind == kinds[i]);
  CHECK(cell.params[2].frozen);
  CHECK(cell.params[7].frozen);
  CHECK(cell.params[8].frozen);
  Bound bound = bind(cell, {{"H", 2}, {"I", 1}});
  CHECK(bound.constants[cell.params[4].initializer.first] == -1);
  CHECK(bound.constants[cell.params[4].initializer.second] == 2);
}

TEST_CASE("init sets the initializer of declared parameters and of those that linear makes") {
  Checked checked =
      good(cellWith("param W[H, H] ~ he\nh' = tanh(linear(x, h)) + W @ h\n"
                    "init W ~ identity(1)\ninit b_h = 1\ninit W_h_h ~ normal(0, size(x) ^ -0.5)"));
  CHECK(paramOf(checked.cell(), "W").initializer.kind == InitializerKind::Identity);
  CHECK(paramOf(checked.cell(), "b_h").initializer.kind == InitializerKind::Constant);
  CHECK(paramOf(checked.cell(), "W_h_h").initializer.kind == InitializerKind::Normal);
  CHECK(!paramOf(checked.cell(), "W_h_h").initializer.linearOfState);
}

TEST_CASE(
    "an inherited init whose parameter is gone goes silently, a written one is a diagnostic") {
  good(kLstm + "cell b from lstm { f = 1 - i }");
  CHECK(idsOf(kLstm + "cell b from lstm { f = 1 - i; init b_f = 2 }") ==
        Strings{"unknown-parameter"});
  CHECK(idsOf(cellWith("h' = tanh(linear(x, h))\ninit b_g = 1")) == Strings{"unknown-parameter"});
  CHECK(idsOf(kLstm + "cell b from lstm { c' = c + i * g; init b_f = 2 }") == Strings{"unused"});
  good(kLstm + "cell b from lstm { c' = c + i * g }");
}

//===-- Outputs and what is not used ----------------------------------------------------------===//

TEST_CASE("at most one output, and a cell without a state needs one") {
  CHECK(idsOf(cellWith("output y = h\noutput z = x\nh' = h")) == Strings{"duplicate-name"});
  CHECK(idsOf("cell a { input x[I]; y = x }").front() == "no-output");
  good("cell a { input x[I]; output y = tanh(x) }");
}

TEST_CASE("without output it is the first state's next value") {
  Checked checked = good("cell a { state c[H], h[H]; h' = c * 2; c' = h * 3 }");
  CHECK(runStep(checked.cell(), {{"H", 1}}, {{"c", {1}}, {"h", {10}}}) == Elements{30});
}

TEST_CASE(
    "what nothing depends on is not computed and its parameters do not exist, with a warning") {
  std::string text = cellWith("param p[H]\nq = tanh(linear(x, h))\nh' = h + sum(x)");
  Checked checked = check(text);
  CHECK(checked.isGood());
  CHECK(paramsOf(checked.cell()).empty());
  CHECK(idsOf(text) == Strings{"unused", "unused"});
}

TEST_CASE("in a cell made by from there is no warning") {
  good("cell a { input x[I]; state h[H]; f = sigmoid(linear(x, h)); g = f * 2; h' = g * h }\n"
       "cell b from a { h' = h + sum(x) }");
}

//===-- from ----------------------------------------------------------------------------------===//

TEST_CASE("from replaces statements with the same left side and drops unused parameters") {
  std::string derived = kLstm + "cell b from lstm { f = 1 - i }";
  Checked checked = good(derived);
  CHECK(paramsOf(checked.cell(1)) ==
        Strings{"W_i_x", "W_i_h", "b_i", "W_g_x", "W_g_h", "b_g", "W_o_x", "W_o_h", "b_o"});
  std::string written = kLstm;
  written.replace(written.find("f = sigmoid(linear(x, h))"), 25, "f = 1 - i");
  written.erase(written.find("  init b_f = 1\n"), 15);
  CHECK(opsOf(derived, 1) == opsOf(written, 0));
}

TEST_CASE("the same left side is the name with its prime, whatever the kind of statement") {
  Checked checked = good(kLstm + "cell b from lstm { param f[H] }\ncell c from lstm { h' = o * c' "
                                 "}\ncell d from lstm { option f = 0.5 }");
  Strings params = paramsOf(checked.cell(1));
  CHECK(std::find(params.begin(), params.end(), "f") != params.end());
  CHECK(std::find(params.begin(), params.end(), "W_f_x") == params.end());
  CHECK(checked.cell(2).states.size() == 2);
  CHECK(checked.cell(3).options.size() == 1);
}

TEST_CASE("one name of a state list is replaced alone") {
  Checked checked =
      good("cell a { input x[I]; state h[H], c[H]; c' = linear(x); h' = linear(c') }\n"
           "cell b from a { state c[K] }");
  const Cell &cell = checked.cell(1);
  CHECK(statesOf(cell) == Strings{"h", "c"});
  CHECK(shapeText(cell, cell.states[0].shape) == "[H]");
  CHECK(shapeText(cell, cell.states[1].shape) == "[K]");
}

TEST_CASE(
    "init and fn are replaced by their name, repeat by its counter, output whatever its name") {
  std::string parent =
      "cell a { input x[I]; state h[H]; fn act(v) = tanh(v)\n y = act(linear(x, h))\n"
      "repeat l in 1..2 { y = y * 2 }\n output z = y + 1\n h' = y\n init b_y = 1 }\n";
  Checked checked = good(parent + "cell b from a { fn act(v) = relu(v) + 1 }\ncell c from a { "
                                  "repeat l in 1..3 { y = y * 3 } }\n"
                                  "cell d from a { output w = h }\ncell e from a { init b_y = 2 }");
  std::map<std::string, int64_t> sizes = {{"H", 1}, {"I", 1}};
  CHECK(runStep(checked.cell(1), sizes, {}) == Elements{1 * 4 + 1});
  CHECK(runStep(checked.cell(2), sizes, {{"b_y", {1}}}) ==
        Elements{std::tanh(1.0) * 3 * 3 * 3 + 1});
  CHECK(checked.cell(3).outputName == "w");
  const Cell &e = checked.cell(4);
  CHECK(e.ops[paramOf(e, "b_y").initializer.first].number == 2);
}

TEST_CASE("requires are inherited") {
  Checked checked = good("cell a { input x[I]; state h[H]; require I == H \"same\"; h' = h + x "
                         "}\ncell b from a { h' = h * x }");
  CHECK(checked.cell(1).requirements.size() == 1);
}

TEST_CASE("an inherited require about a size that is gone goes with it") {
  Checked checked =
      good("cell a { input x[I]; state h[H]; require I == H; require H > 1; h' = h + x "
           "}\ncell b from a { input x[H] }");
  CHECK(checked.cell(1).requirements.size() == 1);
  Checked again = good(printCell(checked.frontend->program(), checked.cells[1]));
  CHECK(canonicalText(again.cell()) == canonicalText(checked.cell(1)));
}

TEST_CASE("the parent's states come first") {
  Checked checked = good("cell a { input x[I]; f = tanh(linear(x)); state h[H]; h' = f * h }\n"
                         "cell b from a { state f[H], k[H]; f' = f + h; k' = f'; h' = f' * k }");
  CHECK(statesOf(checked.cell(1)) == Strings{"h", "f", "k"});
}

TEST_CASE(
    "new statements follow at the end and statements move behind those whose values they read") {
  std::string parent = "cell a { input x[I]; state h[H], c[H]; i = sigmoid(linear(x)); c' = c * i; "
                       "h' = tanh(c') }\n";
  std::string derived = parent + "cell b from a { c' = c * u; u = i * 2 }";
  std::string written = "cell b { input x[I]; state h[H], c[H]; i = sigmoid(linear(x)); u = i * 2; "
                        "c' = c * u; h' = tanh(c') }";
  CHECK(opsOf(derived, 1) == opsOf(written, 0));
}

TEST_CASE("what is read before and after a repeat stays there") {
  std::string parent = "cell a { state h[H], k[H]; y = h; w = y * 5; repeat l in 1..2 { y = y * 2 "
                       "} h' = y; k' = w }\n";
  Checked checked =
      good(parent + "cell b from a { w = y * z; z = h + 3 }\ncell c from a { v = y + 1; h' = v }");
  Bound bound = bind(checked.cell(1), {{"H", 1}});
  std::vector<Elements> states = {{2}, {0}};
  CHECK(interpretStep(checked.cell(1), bound, {}, states, {}).states ==
        std::vector<Elements>{{8}, {10}});
  CHECK(interpretStep(checked.cell(2), bind(checked.cell(2), {{"H", 1}}), {}, states, {}).states ==
        std::vector<Elements>{{9}, {10}});
}

TEST_CASE("statements that need each other are a diagnostic") {
  CHECK(idsOf("cell a { state h[H]; y = h; z = y; h' = z }\ncell b from a { y = z }") ==
        Strings{"statement-cycle"});
  CHECK(idsOf("cell a { state h[H]; y = h; h' = y }\ncell b from a { y = y * 2 }") ==
        Strings{"use-before-assignment"});
}

TEST_CASE("the parent is a cell of this file, else imported, else shipped") {
  CHECK(idsOf("cell b from lstm { f = 1 - i }").empty());
  CHECK(idsOf("cell b from lstm { nothing_of_the_kind = 1; h' = z }\ncell lstm { state h[H]; z = h "
              "* 2; h' = h }") == Strings{"unused"});
  CHECK(idsOf("cell b from no_such_cell { }") == Strings{"unknown-cell"});
  Folder folder({{"a.cell", "import \"b.cell\"\ncell c from lstm { h' = only_in_b }"},
                 {"b.cell", "cell lstm { state h[H]; only_in_b = h * 2; h' = h + only_in_b }"}});
  CHECK(fileIds(folder / "a.cell").empty());
}

TEST_CASE("cells and functions may be used before they stand in the file") {
  good("cell b from a { }\ncell a { state h[H]; h' = f(h) }\nfn f(v) = g(v)\nfn g(v) = tanh(v)");
}

TEST_CASE("a cell that derives from itself is a diagnostic") {
  CHECK(idsOf("cell a from a { }") == Strings{"derivation-cycle"});
  CHECK(idsOf("cell a from b { }\ncell b from a { }") == Strings{"derivation-cycle"});
}

TEST_CASE("one mistake of a parent is reported once") {
  CHECK(idsOf("cell a { state h[H]; h' = hh }\ncell b from a { }\ncell c from b { }") ==
        Strings{"unknown-name"});
}

//===-- import --------------------------------------------------------------------------------===//

TEST_CASE("imports are relative to the importing file, passed on, and counted once") {
  Folder folder({{"a.cell", "import \"sub/b.cell\"\nimport \"c.cell\"\nimport \"./sub/../c.cell\"\n"
                            "cell a from base { h' = twice(h) }"},
                 {"sub/b.cell", "import \"../c.cell\"\ncell base { state h[H]; h' = h }"},
                 {"c.cell", "fn twice(v) = v * 2"}});
  CHECK(fileIds(folder / "a.cell").empty());
}

TEST_CASE("cycles of imports, names from two files and what is no regular file are diagnostics") {
  Folder folder(
      {{"a.cell", "import \"b.cell\"\n"},
       {"b.cell", "import \"a.cell\"\n"},
       {"c.cell", "import \"d.cell\"\nimport \"e.cell\"\n"},
       {"d.cell", "fn f(v) = v\ncell k { state h[H]; h' = h }\n"},
       {"e.cell", "fn f(v) = v * 2\ncell k { state h[H]; h' = h }\n"},
       {"f.cell", "import \"d.cell\"\nfn f(v) = v\n"},
       {"g.cell", "import \"c.cell\"\n"},
       {"i.cell", "import \"d.cell\"\nfn f(v) = v\ncell k { state h[H]; h' = h }\n"},
       {"folder/x.cell", ""},
       {"h.cell",
        "import \"folder\"\nimport \"/dev/null\"\nimport \"nothing.cell\"\nimport \"\"\n"}});
  CHECK(fileIds(folder / "a.cell") == Strings{"import-cycle"});
  CHECK(fileIds(folder / "c.cell") == Strings{"duplicate-name"});
  CHECK(fileIds(folder / "f.cell") == Strings{"duplicate-name"});
  CHECK(fileIds(folder / "g.cell") == Strings{"duplicate-name"});
  CHECK(fileIds(folder / "i.cell") == Strings{"duplicate-name", "duplicate-name"});
  CHECK(fileIds(folder / "h.cell") == Strings(4, "unreadable-file"));
}

TEST_CASE("file.cell means the only cell that the file itself defines") {
  Folder folder({{"a.cell", "import \"b.cell\"\ncell a from base { }"},
                 {"b.cell", "cell base { state h[H]; h' = h }"},
                 {"c.cell", "cell one { state h[H]; h' = h }\ncell two from one { }"},
                 {"d.cell", "# nothing\n"}});
  auto find = [](const std::string &argument) {
    Frontend frontend;
    CheckedCell checked = frontend.findCell(argument);
    return checked.isGood ? std::string(checked.cell.name.view()) : frontend.renderProblems();
  };
  CHECK(find(folder / "a.cell") == "a");
  CHECK(find((folder / "c.cell") + ":two") == "two");
  CHECK(find(folder / "c.cell").find("defines 2 cells") != std::string::npos);
  CHECK(find((folder / "c.cell") + ":tow").find("did you mean `two`?") != std::string::npos);
  CHECK(find(folder / "d.cell").find("defines no cell") != std::string::npos);
  CHECK(find((folder / "a.cell") + ":base").find("defines no cell `base`") != std::string::npos);
  CHECK(find(folder / "e.cell").find("No such file") != std::string::npos);
  CHECK(find("lstm") == "lstm");
  CHECK(find("lstn").find("did you mean `lstm`?") != std::string::npos);
}

TEST_CASE("a file with thousands of imports takes little memory") {
  std::map<std::string, std::string> files;
  std::string imports;
  for (int i = 0; i < 1000; ++i) {
    std::string number = std::to_string(i);
    files["k" + number + ".cell"] = "fn f" + number + "(v) = v\n";
    imports += "import \"k" + number + ".cell\"\n";
  }
  files["all.cell"] = imports + "cell a { state h[H]; h' = f0(h) + f999(h) }";
  Folder folder(files);
  struct rusage before = {};
  getrusage(RUSAGE_SELF, &before);
  CHECK(fileIds(folder / "all.cell").empty());
  struct rusage after = {};
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 100 * 1024);
}

//===-- repeat --------------------------------------------------------------------------------===//

TEST_CASE("repeat has both ends, and 2..1 does nothing") {
  Checked checked = good("cell a { state h[H]; y = h; repeat l in 2..4 { y = y * 10 + l } repeat m "
                         "in 2..1 { y = y * 0 } h' = y }");
  CHECK(runStep(checked.cell(), {{"H", 1}}, {{"h", {1}}}) == Elements{1234});
}

TEST_CASE("bounds are compile-time integers") {
  CHECK(idsOf(cellWith("y = h + sum(x)\nrepeat l in 1..1.5 { y = y * 2 }\nh' = y")) ==
        Strings{"bad-bound"});
  CHECK(idsOf(cellWith("y = h + sum(x)\nrepeat l in 1..H { y = y * 2 }\nh' = y")) ==
        Strings{"bad-bound"});
  good("cell a { state h[4]; y = h; repeat l in 1..size(h) / 2 { y = y * 2 } h' = y }");
}

TEST_CASE("parameters made inside get the counters as suffix, outer counters first") {
  Checked checked = good("cell a { state h[H]; y = h; repeat k in 1..2 { repeat l in 1..2 { y = "
                         "tanh(linear(y, bias = false)) } } h' = y }");
  CHECK(paramsOf(checked.cell()) == Strings{"W_y_y_1_1", "W_y_y_1_2", "W_y_y_2_1", "W_y_y_2_2"});
}

TEST_CASE("a name defined before and assigned inside is carried and keeps its size") {
  CHECK(
      idsOf(
          "cell a { state h[H]; y = h; repeat l in 1..2 { y = concat(y, y) } h' = h + sum(y) }") ==
      Strings{"shape-mismatch"});
  CHECK(idsOf("cell a { state h[H]; y = h; repeat l in 1..2 { y = sum(y) } h' = h * y }") ==
        Strings{"shape-mismatch"});
}

TEST_CASE("a name first assigned inside lives for one micro-step") {
  CHECK(
      idsOf("cell a { state h[H]; y = h; repeat l in 1..2 { z = y * 2; y = z } h' = y }").empty());
  CHECK(idsOf("cell a { state h[H]; y = h; repeat l in 1..2 { z = y * 2; y = z } h' = z }") ==
        Strings{"use-before-assignment"});
}

TEST_CASE("param, init and repeat may stand inside, other declarations, output and state "
          "assignments may not") {
  Checked checked = good("cell a { state h[H]; y = h; repeat l in 1..2 { param p[H]; y = linear(y) "
                         "* p; init b_y = l; init p = 2 * l } h' = y }");
  const Cell &cell = checked.cell();
  CHECK(paramsOf(cell) == Strings{"p_1", "W_y_y_1", "b_y_1", "p_2", "W_y_y_2", "b_y_2"});
  CHECK(cell.ops[paramOf(cell, "b_y_2").initializer.first].number == 2);
  CHECK(cell.ops[paramOf(cell, "p_2").initializer.first].number == 4);
  for (std::string inside : {"state c[H]", "input u[U]", "option k = 1", "output z = y",
                             "require H > 1", "fn f(v) = v", "h' = y"})
    CHECK(
        idsOf("cell a { state h[H]; y = h; repeat l in 1..2 { " + inside + " } h' = y }").front() ==
        "misplaced-statement");
}

//===-- fn ------------------------------------------------------------------------------------===//

TEST_CASE("linear inside of a function belongs to the calling statement and takes the caller's "
          "plain names") {
  Checked checked =
      good("fn gate(a, b) = sigmoid(linear(a, b))\nfn outer(p, q) = gate(q, p)\n" +
           cellWith("i = gate(x, h)\nj = gate(x, i * h)\nk = outer(x, h)\nh' = i * j * k"));
  CHECK(paramsOf(checked.cell()) ==
        Strings{"W_i_x", "W_i_h", "b_i", "W_j_x", "W_j_2", "b_j", "W_k_h", "W_k_x", "b_k"});
}

TEST_CASE("arguments are evaluated once") {
  Checked checked = good("fn f(a) = a + a * a\n" + cellWith("h' = f(tanh(linear(x, h)))"));
  CHECK(checked.cell().params.size() == 3);
  CHECK(std::count_if(checked.cell().ops.begin(), checked.cell().ops.end(),
                      [](const Op &op) { return op.kind == OpKind::MatMul; }) == 2);
}

TEST_CASE("a function of a file sees its arguments and other functions, one in a cell also its "
          "declarations") {
  CHECK(idsOf("fn f(a) = a * h\n" + cellWith("h' = f(x[0:1]) + h")) == Strings{"unknown-name"});
  CHECK(idsOf("fn f(a) = a * h\n" + cellWith("h' = h + sum(x)")) == Strings{"unknown-name"});
  good(cellWith("option k = 2\nparam p[H]\nfn f(a) = a * h * k + p\nh' = f(h) + sum(x)"));
  CHECK(idsOf(cellWith("y = h\nfn f(a) = a * y\nh' = f(h) + sum(x)")) == Strings{"unknown-name"});
  good("fn half(v) = v[0:size(v) / 2]\nfn take(v, n) = v[0:n]\n" +
       cellWith("h' = h + sum(half(x)) + sum(take(x, 3))"));
}

TEST_CASE("a function in a cell is checked though nobody calls it, an inherited one is not") {
  CHECK(idsOf(cellWith("fn f(a) = a * nothing\nh' = h + sum(x)")) == Strings{"unknown-name"});
  CHECK(idsOf(cellWith("fn f(a, a) = nothing(a)\nh' = h + sum(x)")) ==
        Strings{"duplicate-name", "unknown-function"});
  good("cell a { state h[H]; param p[H]; fn f(v) = v * p; h' = f(h) }\n"
       "cell b from a { p = h; h' = h * p }");
}

TEST_CASE("built-in names cannot be redefined, other names of the table can be defined") {
  CHECK(idsOf("fn tanh(a) = a") == Strings{"built-in-name"});
  CHECK(idsOf("fn linear(a) = a") == Strings{"built-in-name"});
  good("fn add(a, b) = a + b\nfn expm1(a) = exp(a) - 1\nfn uniform(a) = a\n" +
       cellWith("h' = add(expm1(h), uniform(h)) + sum(x)"));
}

TEST_CASE("recursion is a diagnostic, called or not") {
  CHECK(idsOf("fn f(a) = f(a)") == Strings{"recursion"});
  CHECK(idsOf("fn f(a) = g(a)\nfn g(a) = tanh(f(a))\n" + cellWith("h' = g(h) + sum(x)")) ==
        Strings{"recursion"});
  CHECK(idsOf(cellWith("fn f(a) = g(a)\nfn g(a) = f(a)\nh' = h + sum(x)")) == Strings{"recursion"});
  CHECK(idsOf("cell a { state h[H]; fn f(v) = g(v); fn g(v) = v; h' = f(h) }\n"
              "cell b from a { fn g(v) = f(v) }") == Strings{"recursion"});
}

} // namespace cellwright::test
