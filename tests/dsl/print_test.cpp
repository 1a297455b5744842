// Printers: text that parses to the same cell, canonical layout, LaTeX and drawings.
#include "support.h"

#include "dsl/draw.h"
#include "dsl/format.h"
#include "dsl/latex.h"
#include "dsl/library.h"
#include "dsl/print.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

namespace cellwright::test {

namespace {

/// All cells of cells/ here and all shipped ones, each with its own front end.
template <class Visit> void forEachCell(Visit visit) {
  auto visitAll = [&](Frontend &frontend, bool isShipped) {
    frontend.checkAll();
    const Program &program = frontend.program();
    for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell) {
      if (program.sources.files[program.cells[cell].file].shipped != isShipped)
        continue;
      CheckedCell checked = frontend.check(cell);
      CAPTURE(std::string(program.nameOf(cell)));
      REQUIRE_MESSAGE(checked.isGood, frontend.renderProblems());
      visit(program, checked);
    }
  };
  for (const auto &entry : std::filesystem::directory_iterator("cells")) {
    Frontend frontend;
    frontend.addFile(entry.path().string());
    visitAll(frontend, false);
  }
  Frontend shipped;
  shipped.addLibrary();
  visitAll(shipped, true);
}

std::string format(const std::string &text) {
  Diagnostics diagnostics;
  return formatText(text, 0, diagnostics).value_or("syntax error");
}

} // namespace

TEST_CASE("a printed cell has the layout that fmt gives it") {
  forEachCell([](const Program &program, const CheckedCell &checked) {
    std::string printed = printCell(program, checked);
    CHECK(format(printed) == printed);
  });
}

TEST_CASE("a derived cell is printed flat, without what it does not need, states together") {
  Checked checked = check("cell a { input x[I]; state h[H]; param p[H]; f = sigmoid(linear(x)) * "
                          "p; h' = h * f; init b_f = 1 }\n"
                          "cell b from a { state k[H]; f = 0.5; k' = h' + sum(x) }");
  REQUIRE_MESSAGE(checked.isGood(1), checked.problems);
  CHECK(printCell(checked.frontend->program(), checked.cells[1]) == "cell b {\n"
                                                                    "  input x[I]\n"
                                                                    "  state h[H], k[H]\n"
                                                                    "  f = 0.5\n"
                                                                    "  h' = h * f\n"
                                                                    "  k' = h' + sum(x)\n"
                                                                    "}\n");
}

TEST_CASE("a derived cell is printed without the functions that nothing calls any more") {
  Checked checked = check(
      "cell a { state h[H]; param p[H]; fn f(v) = v * p; fn g(v) = f(v); fn k(v) = v; h' = g(h) }\n"
      "cell b from a { p = k(h); h' = h * p }");
  REQUIRE_MESSAGE(checked.isGood(1), checked.problems);
  CHECK(printCell(checked.frontend->program(), checked.cells[1]) == "cell b {\n"
                                                                    "  state h[H]\n"
                                                                    "  p = k(h)\n"
                                                                    "  fn k(v) = v\n"
                                                                    "  h' = h * p\n"
                                                                    "}\n");
}

TEST_CASE("functions of files come along under names of their own") {
  Checked checked =
      check("fn gate(a) = scale(sigmoid(linear(a)))\nfn scale(a) = a * 2\nfn unused(a) = a\n"
            "cell a { input x[I]; state h[H]; fn scale(a) = a * 3; h' = gate(x) + scale(h) }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  CHECK(printCell(checked.frontend->program(), checked.cells[0]) ==
        "cell a {\n"
        "  fn gate(a) = scale_2(sigmoid(linear(a)))\n"
        "  fn scale_2(a) = a * 2\n"
        "  input x[I]\n"
        "  state h[H]\n"
        "  fn scale(a) = a * 3\n"
        "  h' = gate(x) + scale(h)\n"
        "}\n");
}

TEST_CASE("printing keeps the meaning of parentheses") {
  for (std::string expression :
       {"a - (b - c)",  "a - b - c",   "(a + b) * c", "a + b * c",   "-(a + b)",
        "-a ^ 2",       "(-a) ^ 2",    "a ^ -2",      "a ^ (1 / 2)", "(a ^ 2) ^ 2",
        "a / (b / c)",  "a / b / c",   "-(-a)",       "a * -b",      "W @ -a",
        "-W @ a",       "W @ (a + b)", "(W @ W) @ a", "W @ (W @ a)", "(W + W).T @ a",
        "(a + b)[0:H]", "a ^ (-(-2))", "-(W @ a)",    "(-W) @ a",    "(a * b) ^ 2"}) {
    Checked checked = check("cell k { state a[H], b[H], c[H]; param W[H, H]; a' = " + expression +
                            "; b' = b + c; c' = W @ c }");
    CAPTURE(expression);
    REQUIRE_MESSAGE(checked.isGood(), checked.problems);
    Checked again = check(printCell(checked.frontend->program(), checked.cells[0]));
    REQUIRE_MESSAGE(again.isGood(), again.problems);
    CHECK(canonicalText(again.cell()) == canonicalText(checked.cell()));
  }
}

TEST_CASE("options are printed with their settings") {
  Settings settings;
  settings.options.push_back({"k", 0.125});
  Checked checked = check("cell a { option k = 2; state h[H]; h' = h * k }", settings);
  CHECK(printCell(checked.frontend->program(), checked.cells[0], settings)
            .find("option k = 0.125\n") != std::string::npos);
}

//===-- fmt -----------------------------------------------------------------------------------===//

TEST_CASE("fmt changes no shipped cell and is idempotent") {
  for (const LibraryFile &file : libraryFiles()) {
    std::string text(file.text);
    CAPTURE(std::string(file.name));
    CHECK(format(text) == text);
  }
}

TEST_CASE("fmt lays out spaces, lines and comments") {
  std::string text = "\n\n# head\nimport \"x.cell\"; fn gate( a,b )=sigmoid( linear(a , b) )   # "
                     "trailing\ncell a # odd\n"
                     "{   # open\n\n  input x[ I ];state h[H],c [2*H]\n\n\n"
                     "  z=- x+(-1)*x ^-2+ W . T@h[0 : 2*H]  +   where( x-1 >0,x , - x)+  # why\n   "
                     "  # own line\n     y\n"
                     "  q = tanh(x, # first\n    y)\n  repeat l in 1 .. D { y=y*l; # c\n  }\n"
                     "  require (H+1)==2 \"why  not\"\n  param W[H,I]~uniform( -size(h)^-0.5,2 "
                     ")frozen\n  # last\n\n}   # end\n"
                     "cell b from a {}\ncell c from a { h'=h; init b_f=1 }\n# tail";
  std::string formatted =
      "# head\n"
      "import \"x.cell\"\n"
      "fn gate(a, b) = sigmoid(linear(a, b))  # trailing\n"
      "\n"
      "cell a {  # odd\n"
      "  # open\n"
      "\n"
      "  input x[I]\n"
      "  state h[H], c[2 * H]\n"
      "\n"
      "  z = -x + (-1) * x ^ -2 + W.T @ h[0:2 * H] + where(x - 1 > 0, x, -x) +  # why\n"
      "      # own line\n"
      "      y\n"
      "  q = tanh(x,  # first\n"
      "      y)\n"
      "  repeat l in 1..D {\n"
      "    y = y * l  # c\n"
      "  }\n"
      "  require (H + 1) == 2 \"why  not\"\n"
      "  param W[H, I] ~ uniform(-size(h) ^ -0.5, 2) frozen\n"
      "  # last\n"
      "}  # end\n"
      "\n"
      "cell b from a {}\n"
      "\n"
      "cell c from a {\n"
      "  h' = h\n"
      "  init b_f = 1\n"
      "}\n"
      "\n"
      "# tail\n";
  CHECK(format(text) == formatted);
  CHECK(format(formatted) == formatted);
}

TEST_CASE("fmt breaks long lines behind operators and commas and joins short ones") {
  std::string name(30, 'n');
  std::string text = "cell a {\n  y = " + name + " +\n    " + name + "\n  z = " + name + " + " +
                     name + " * " + name + " - " + name + "\n}\n";
  CHECK(format(text) == "cell a {\n  y = " + name + " + " + name + "\n  z = " + name + " + " +
                            name + " *\n      " + name + " - " + name + "\n}\n");
}

TEST_CASE("fmt turns CRLF into LF, keeps comments of every kind, and an empty file empty") {
  CHECK(format("# a\r\ncell a { # b\r\n  state h[H]\r\n}\r\n") ==
        "# a\ncell a {  # b\n  state h[H]\n}\n");
  CHECK(format("") == "");
  CHECK(format("\n\n\n") == "");
  CHECK(format("# caf\xC3\xA9   \n\n\n#x\n") == "# caf\xC3\xA9\n\n#x\n");
}

TEST_CASE("fmt drops empty statements") {
  CHECK(format(";;\ncell a {;}\ncell b {; # c\n;}\ncell c {;; h' = h;;\n;\n} ; ;\n") ==
        "cell a {}\n\ncell b {  # c\n}\n\ncell c {\n  h' = h\n}\n");
}

TEST_CASE("fmt leaves a file with syntax errors alone") {
  Diagnostics diagnostics;
  CHECK(!formatText("cell a { h = ( }", 0, diagnostics));
  CHECK(diagnostics.hasErrors());
}

//===-- LaTeX and drawings --------------------------------------------------------------------===//

TEST_CASE(
    "LaTeX shows states with time, linear with its parameters, known functions in their notation") {
  Checked checked = check(readFile("cells/lstm.cell"));
  std::string latex = writeLatex(checked.frontend->program(), checked.cells[0]);
  CHECK(
      latex.find("i_{t} &= \\sigma\\left(W_{i,x} x_{t} + W_{i,h} h_{t-1} + b_{i}\\right) \\\\\n") !=
      std::string::npos);
  CHECK(latex.find("h_{t} &= o_{t} \\odot \\tanh\\left(c_{t}\\right)\n") != std::string::npos);
}

TEST_CASE("LaTeX writes functions out where they are called, long ones as equations of their own") {
  std::string text =
      "fn gate(a, b) = sigmoid(linear(a, b))\n"
      "cell a { input x[I]; state h[H]; fn twice(v) = v + v; i = gate(x, h * h); h' = "
      "i * twice(h) }";
  Checked checked = check(text);
  std::string latex = writeLatex(checked.frontend->program(), checked.cells[0]);
  CHECK(latex.find(
            "i_{t} &= \\sigma\\left(W_{i,x} x_{t} + W_{i,2} \\left(h_{t-1} \\odot h_{t-1}\\right) "
            "+ b_{i}\\right)") != std::string::npos);
  CHECK(latex.find("h_{t} &= i_{t} \\odot \\left(h_{t-1} + h_{t-1}\\right)\n") !=
        std::string::npos);
  checked = check("fn sq(a) = a * a\nfn s2(a) = sq(sq(sq(sq(sq(sq(sq(sq(a))))))))\n"
                  "fn keep(a, b) = s2(s2(a)) + linear(a, bias = false) + b\n"
                  "cell a { state h[H]; h' = keep(h, h) }");
  latex = writeLatex(checked.frontend->program(), checked.cells[0]);
  CHECK(latex.find("h_{t} &= \\operatorname{keep}\\left(h_{t-1}, h_{t-1}\\right) \\\\\n") !=
        std::string::npos);
  CHECK(
      latex.find("\\operatorname{keep}(a, b) &= \\operatorname{s2}\\left(\\operatorname{s2}\\left(a"
                 "\\right)\\right) + W_{\\cdot,a} a + b") != std::string::npos);
}

TEST_CASE("LaTeX: arrows in loops, no time on what does not change, names, numbers, options") {
  Checked checked =
      check("cell a { option k = 1e-3; input x[d_in_x]; state h[H]; param W_a_b[H, H], Lambda\n"
            "V = W_a_b - W_a_b.T; y = V @ h * Lambda; h_ = -(-y) - (-h) * 2.5E+4\n"
            "repeat l in 1..2 { y = leaky_relu(y, slope = 0.2) * l } h' = y * k + h_ / 2 ^ -1 + "
            "sum(x) }");
  REQUIRE_MESSAGE(checked.isGood(), checked.problems);
  std::string latex = writeLatex(checked.frontend->program(), checked.cells[0]);
  for (std::string line :
       {"x_{t} \\in \\mathbb{R}^{d_{\\mathit{in},x}}", "V &= W_{a,b} - {W_{a,b}}^\\top \\\\\n",
        "y_{t} &= V h_{t-1} \\, \\Lambda \\\\\n",
        "\\mathit{h\\_}_{t} &= -\\left(-y_{t}\\right) - \\left(-h_{t-1}\\right) \\cdot 2.5 \\cdot "
        "10^{4} \\\\\n",
        "&\\text{for } l = 1, \\dots, 2: \\\\\n",
        "\\quad y_{t} &\\leftarrow \\operatorname{LeakyReLU}_{0.2}\\left(y_{t}\\right) \\, l",
        "&k = 0.001\n"}) {
    CAPTURE(latex);
    CAPTURE(line);
    CHECK(latex.find(line) != std::string::npos);
  }
}

TEST_CASE("LaTeX of every cell has balanced braces and no double subscript") {
  forEachCell([](const Program &program, const CheckedCell &checked) {
    std::string latex = writeLatex(program, checked);
    int depth = 0;
    for (size_t i = 0; i < latex.size(); ++i) {
      bool isEscaped = i > 0 && latex[i - 1] == '\\';
      depth += latex[i] == '{' && !isEscaped;
      depth -= latex[i] == '}' && !isEscaped;
      REQUIRE(depth >= 0);
    }
    CHECK(depth == 0);
    CAPTURE(latex);
    CHECK(latex.find("}_{t}_{") == std::string::npos);
  });
}

TEST_CASE("drawings of every cell are well-formed, the same each time, and show every state") {
  forEachCell([](const Program &, const CheckedCell &checked) {
    std::string svg = writeSvg(checked.cell);
    CHECK(svg == writeSvg(checked.cell));
    CHECK(svg.starts_with("<svg xmlns="));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg.find("nan") == std::string::npos);
    auto count = [](const std::string &text, const std::string &part) {
      size_t found = 0;
      for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1))
        ++found;
      return found;
    };
    CHECK(count(svg, "<g>") == count(svg, "</g>"));
    CHECK(count(svg, "class=\"carried\"") == checked.cell.states.size());
    std::string dot = writeDot(checked.cell);
    CHECK(count(dot, "style=dashed") == checked.cell.states.size());
    CHECK(count(dot, "\"") % 2 == 0);
  });
}

TEST_CASE("in drawings of every cell no two nodes overlap and no label is cut") {
  forEachCell([](const Program &, const CheckedCell &checked) {
    std::string svg = writeSvg(checked.cell);
    CHECK(svg.find("...") == std::string::npos);
    std::vector<std::array<double, 4>> boxes;
    const std::string begin = "<rect x=\"";
    for (size_t i = svg.find(begin); i != std::string::npos; i = svg.find(begin, i + 1)) {
      std::array<double, 4> box = {};
      REQUIRE(std::sscanf(svg.c_str() + i, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\"",
                          &box[0], &box[1], &box[2], &box[3]) == 4);
      boxes.push_back(box);
    }
    for (size_t i = 0; i < boxes.size(); ++i)
      for (size_t k = 0; k < i; ++k) {
        auto [x, y, width, height] = boxes[i];
        bool areApart = x + width <= boxes[k][0] || boxes[k][0] + boxes[k][2] <= x ||
                        y + height <= boxes[k][1] || boxes[k][1] + boxes[k][3] <= y;
        REQUIRE(areApart);
      }
  });
}

TEST_CASE("a label of many parameters has several lines, and is cut between characters") {
  Checked checked = check("cell a { input x[I], y[I], z[I], u[I], v[I], w[I]; state h[H]\n"
                          "h' = tanh(linear(x, y, z, u, v, w, h)) }");
  std::string dot = writeDot(checked.cell());
  CHECK(dot.find("label=\"W_h_x, W_h_y, W_h_z, W_h_u,\\nW_h_v, W_h_w, W_h_h + b_h\"") !=
        std::string::npos);
  checked =
      check("cell a { state h[H]; param first_parameter[H], s[H]; y = (first_parameter - s - s - s "
            "- s - s - s) * h; h' = y }");
  std::string svg = writeSvg(checked.cell());
  for (size_t i = 0; i < svg.size();) {
    size_t length = detail::utf8Length(std::string_view(svg).substr(i, 4));
    REQUIRE(length > 0);
    i += length;
  }
}

TEST_CASE("a cell too large to draw gives a notice") {
  Checked checked =
      check("cell a { state h[H]; y = h\nrepeat l in 1..5000 { y = tanh(y) } h' = y }");
  CHECK(writeSvg(checked.cell()).find("too large to draw") != std::string::npos);
}

} // namespace cellwright::test
