// Headers of ahead-of-time kernels: C99 and C++ for every cell, whatever it calls its things.
#include "support.h"

#include "codegen/aot/header.h"
#include "dsl/print.h"
#include "runtime/files.h"
#include "tests/support/c_compiler.h"
#include "tests/support/shipped_cells.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/text_checks.h"
#include <doctest/doctest.h>

#include <algorithm>

namespace cellwright {

namespace {

AotFacts factsOf(const TestCell &cell, const std::string &name) {
  AotFacts facts;
  facts.name = name;
  facts.command = "cellwright compile cells/*/" + name;
  facts.version = "1.2.3";
  facts.equations = printCell(cell.frontend->program(), cell.checked);
  facts.processors = "For any processor.";
  facts.draws = cell.cell().randomCount > 0;
  facts.contents = "  float numbers[7];\n";
  return facts;
}

/// Says what is wrong with a file as C99 and as C++.
void expectCompiles(const std::string &text) {
  TemporaryFolder folder;
  writeFile(folder / "all.h", text);
  writeFile(folder / "all.c", "#include \"all.h\"\n#include \"all.h\"\n");
  CHECK(test::runCCompiler("-std=c99 -Wall -Wextra -pedantic -Werror -fsyntax-only " +
                           (folder / "all.c")) == "");
  CHECK(test::runCxxCompiler("-std=c++17 -x c++ -Wall -Wextra -pedantic -Werror -fsyntax-only " +
                             (folder / "all.c")) == "");
}

std::string headerOf(const std::string &body, const Sizes &sizes, const AotFacts *given = nullptr) {
  TestCell cell = cellOfText("cell odd {\n" + body + "\n}\n", sizes);
  AotFacts facts = given ? *given : factsOf(cell, "odd");
  return writeAotHeader(cell.cell(), cell.bound, facts);
}

} // namespace

TEST_CASE("headers of all shipped cells are C99 and C++") {
  std::string all;
  for (const std::string &name : test::shippedCells()) {
    TestCell cell = cellByName(name);
    REQUIRE((bindTo(cell, sizesFor(cell.cell(), 3, 5, 2)) ||
             bindTo(cell, sizesFor(cell.cell(), 5, 5, 2))));
    AotFacts facts = factsOf(cell, name);
    all += writeAotHeader(cell.cell(), cell.bound, facts);
    facts.name = name + "_with_weights";
    facts.isDouble = facts.hasWeights = true;
    facts.hasBackward = facts.draws = false;
    all += writeAotHeader(cell.cell(), cell.bound, facts);
  }
  expectCompiles(all);
}

TEST_CASE("a header says what a caller needs") {
  TestCell cell = cellByName("lstm", {{"I", 8}, {"H", 16}});
  std::string header = writeAotHeader(cell.cell(), cell.bound, factsOf(cell, "lstm"));
  for (const char *part :
       {"#define lstm_I 8\n", "#define lstm_H 16\n", "  float W_i_x[16][8]; /* [H, I] */\n",
        "  float b_i[16]; /* [H] */\n", "c' = f * c + i * g\n",
        "void lstm_init(lstm *cell, const lstm_params *params);\n",
        "void lstm_step(lstm *cell, const float *x, float *out);\n",
        "  const float *x; /* [T, N, 8] */\n", "  float *state_c; /* [T, N, 16], after each step",
        "  const lstm_states *initial; /* [N], or NULL: zeros */\n",
        "  float *dx; /* [T, N, 8], or NULL: not wanted */\n",
        "void lstm_forward(const lstm_params *params, const lstm_call *call, void *memory);\n"})
    CHECK_MESSAGE(has(header, part), part, " is not in\n", header);
  CHECK_FALSE(has(header, "seed"));
}

TEST_CASE("with weights within, nobody gives or wants parameters") {
  TestCell cell = cellByName("lstm", {{"I", 8}, {"H", 16}});
  AotFacts facts = factsOf(cell, "lstm");
  facts.hasWeights = true;
  facts.hasBackward = false;
  std::string header = writeAotHeader(cell.cell(), cell.bound, facts);
  CHECK(has(header, "void lstm_init(lstm *cell);\n"));
  CHECK(has(header, "void lstm_forward(const lstm_call *call, void *memory);\n"));
  CHECK_FALSE(has(header, "params"));
  CHECK_FALSE(has(header, "backward"));
}

TEST_CASE("names that C, C++ or the header have already get underscores") {
  std::string header = headerOf(
      "input out[I], int[I], int_[I], seed[I], state_h[I], final[I], fault[I], cell_[K], _x[I]\n"
      "state h[I], double[I], odd_states[I]\n"
      "param class[step], params[step], I[step], odd_call, odd_step[step], __LINE__\n"
      "double' = double + out + int + int_ + seed * state_h + final + fault + _x + sum(cell_)\n"
      "h' = h + double + sum(class * params * I * odd_step) * odd_call * __LINE__\n"
      "odd_states' = odd_states + h",
      {{"I", 3}, {"K", 2}, {"step", 4}});
  expectCompiles(header);
  for (const char *part :
       {"#define odd_step_ 4\n", "  const float *out_;", "  const float *int__;",
        "  const float *int_;", "  const float *seed_;", "  const float *state_h_;",
        "  float *dfinal_;", "  float *dout_;", "  float *state_double;", "  float double_[3];",
        "  float class_[4];", "  float I_[4];", "  float odd_states_[3];", "  float __LINE___;",
        "const float *cell_"})
    CHECK_MESSAGE(has(header, part), part, " is not in\n", header);
}

TEST_CASE("cells without states, inputs or parameters have headers, too") {
  expectCompiles(headerOf("input x[I]; output y = exp(x)", {{"I", 1}}));
  expectCompiles(headerOf("state h[H]; h' = tanh(linear(h))", {{"H", 1}}));
  expectCompiles(headerOf("state h[3]; h' = 0.5 * h", {}));
}

TEST_CASE("an index is a number in a step and numbers in a call") {
  TestCell cell = cellOfText("cell odd {\n  input x[K]\n  input v[K] per sequence\n  state h[H]\n"
                             "  h' = tanh(linear(x, v, h))\n}\n",
                             {{"K", 9}, {"H", 2}});
  AotFacts facts = factsOf(cell, "odd");
  facts.indexInputs = {"x"};
  std::string header = writeAotHeader(cell.cell(), cell.bound, facts);
  expectCompiles(header);
  CHECK(has(header, "void odd_step(odd *cell, int32_t x, const float *v, float *out);\n"));
  CHECK(has(header, "  const int32_t *x; /* [T, N], 0 to 8 */\n"));
  CHECK(has(header, "  const float *v; /* [N, 9] */\n"));
  CHECK_FALSE(has(header, "*dx"));
}

TEST_CASE("parameters of negative micro-steps get names of C") {
  std::string header = headerOf("input x[H]\nstate h[H]\ny = x\n"
                                "repeat l in -1..0 {\n y = tanh(linear(y, h))\n}\nh' = y",
                                {{"H", 2}});
  expectCompiles(header);
  CHECK(has(header, "W_y_y__1[2][2]"));
}

TEST_CASE("nothing in a cell or a command ends a comment") {
  TestCell cell = cellOfText("cell odd {\n  input x[H]\n  require H > 0 \"*/ /* ?\?/ why\"\n"
                             "  output y = x\n}\n",
                             {{"H", 2}});
  AotFacts facts = factsOf(cell, "odd");
  facts.command = "cellwright compile cells/*/a/*b/**/c?\?/";
  expectCompiles(writeAotHeader(cell.cell(), cell.bound, facts));
}

TEST_CASE("a prefix is a name of C that nobody has") {
  for (const char *name : {"lstm", "my_cell2", "Gru", "sine", "lstm_t", "interval"})
    CHECK_MESSAGE(problemOfPrefix(name) == "", name);
  CHECK(problemOfPrefix("my-cell") ==
        "`my-cell` is no name in C; expected letters, digits and `_`, no digit first");
  CHECK(has(problemOfPrefix(""), "is no name in C"));
  CHECK(has(problemOfPrefix("2cells"), "is no name in C"));
  CHECK(problemOfPrefix("class") ==
        "`class` is a word of C or C++ or reserved for the compiler; choose another name");
  CHECK(has(problemOfPrefix("_cell"), "reserved for the compiler"));
  // stddef.h and stdint.h, which each header includes, have types of these names.
  for (const char *name : {"int8_t", "uint_least16_t", "uint_fast64_t", "intmax_t", "ptrdiff_t"})
    CHECK_MESSAGE(has(problemOfPrefix(name), "is a type of C's library; choose another name"),
                  name);
  CHECK(problemOfPrefix("tanhf") == "`tanhf` is a function of C's library; choose another name");
}

} // namespace cellwright
