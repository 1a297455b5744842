// Published genotypes become cells, and the same genotypes again.
#include "dsl/frontend.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "search/cell_graph.h"
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/replay.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

namespace {

/// Imports a genotype and exports it again, from the cell as a user would print it.
json goAround(const json &genotype, const char *format) {
  std::string cell = printedCell(importGenotype(genotype, format, "imported"));
  json exported;
  withCell(cell, [&](const Program &, const CheckedCell &checked) {
    exported = exportGenotype(checked.cell, format);
  });
  return exported;
}

void expectRefused(const char *format, const char *genotype, const char *problem) {
  CAPTURE(genotype);
  CHECK_THROWS_WITH_AS(importGenotype(json::parse(genotype), format, "c"),
                       doctest::Contains(problem), Error);
}

} // namespace

TEST_CASE("all recipes go around") {
  Recording recording = readRecording("../../data/nas_bench_nlp");
  for (const RecordedRun &run : recording.runs) {
    CAPTURE(run.recipe);
    json recipe = json::parse(run.recipe);
    CHECK(goAround(recipe, "nas-bench-nlp") == recipe);
  }
  CHECK(recording.runs.size() == 245);
}

TEST_CASE("all genotypes go around") {
  json all = json::parse(readFile("data/genotypes.json"));
  for (const auto &[name, fields] : all.at("cells").items()) {
    json genotype = {{"recurrent", fields.at("recurrent")}, {"concat", fields.at("concat")}};
    CAPTURE(name);
    CHECK(goAround(genotype, "darts") == genotype);
  }
  const json &arc = all.at("enas_official_fixed_arc").at("arc");
  CHECK(goAround(arc, "enas") == arc);
  json dag = json::parse(readFile("data/enas_pytorch_dag.json"));
  CHECK(goAround(dag, "enas-pytorch") == dag);
}

TEST_CASE("a cell that nobody imported has a genotype if it is of the space") {
  Frontend frontend;
  CheckedCell gru = frontend.findCell("gru");
  json recipe = exportGenotype(gru.cell, "nas-bench-nlp");
  CHECK(goAround(recipe, "nas-bench-nlp") == recipe);
  CHECK(recipe.at("h_new_0").at("op") == "blend");
  CHECK_THROWS_WITH_AS(exportGenotype(gru.cell, "darts"),
                       doctest::Contains("this is no cell of `enas` or `darts`"), Error);
  Frontend other;
  CheckedCell peephole = other.findCell("lstm_peephole");
  CHECK_THROWS_AS(exportGenotype(peephole.cell, "nas-bench-nlp"), Error);
}

TEST_CASE("sums and products of many, names of all kinds") {
  json recipe = json::parse(R"({
    "h_new_0": {"op": "elementwise_sum", "input": ["mix", "h_prev_0", "node_0", "mix"]},
    "mix": {"op": "elementwise_prod", "input": ["node_0", "h_prev_0", "node_0"]},
    "node_0": {"op": "linear", "input": ["x", "h_prev_0", "h_prev_1"]},
    "h_new_1": {"op": "blend", "input": ["node_0", "h_new_0", "mix"]}})");
  CHECK(goAround(recipe, "nas-bench-nlp") == recipe);
}

TEST_CASE("what is no genotype is refused with the reason") {
  expectRefused("nas-bench-nlp", "[]", "a recipe is an object");
  expectRefused("nas-bench-nlp", "{}", "has no `h_new_0`");
  expectRefused(
      "nas-bench-nlp", R"({"h_new_0": 3})",
      "node `h_new_0` of this recipe: expected an `op`, a name, and an `input`, a list of "
      "names, found `3`");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "linear", "input": ["x", 1]}})",
                R"(found `{"input":["x",1],"op":"linear"}`)");
  for (const char *input : {"x", "h_prev_0", "h_prev_7"})
    expectRefused("nas-bench-nlp",
                  fmt::format(R"({{"h_new_0": {{"op": "linear", "input": ["x"]}},
                                  "{}": {{"op": "linear", "input": ["h_prev_0"]}}}})",
                              input)
                      .c_str(),
                  fmt::format("makes a node `{}`, which is the name of an input", input).c_str());
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "conv", "input": ["x"]}})",
                "node `h_new_0` is a `conv`");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "blend", "input": ["x"]}})",
                "is a `blend` of 1 inputs");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "linear", "input": ["a"]}})",
                "has no node `a`");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "activation_tanh", "input": ["x"]}})",
                "only `linear` does");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "linear", "input": ["a"]},
                 "a": {"op": "activation_tanh", "input": ["h_new_0"]}})",
                "needs its own value");
  expectRefused("nas-bench-nlp", R"({"h_new_0": {"op": "linear", "input": ["a b"]},
                 "a b": {"op": "linear", "input": ["x"]}})",
                "`a b` is no name of a node");
  for (const char *genotype : {"{}", "[]", R"({"recurrent": 1, "concat": [1]})"})
    expectRefused(
        "darts", genotype,
        "this is no genotype of `darts`: expected an object with the lists `recurrent` and "
        "`concat`, found `");
  for (const char *number : {"0.7", "4294967296", "-1", "true", "null", "18446744073709551616"}) {
    std::string found = fmt::format("expected a whole number from 0 to 999, found `{}`",
                                    json::parse(number).dump());
    expectRefused("darts",
                  fmt::format(R"({{"recurrent": [["tanh", {}]], "concat": [1]}})", number).c_str(),
                  ("node 1 of this genotype: " + found).c_str());
    expectRefused("darts",
                  fmt::format(R"({{"recurrent": [["tanh", 0]], "concat": [{}]}})", number).c_str(),
                  ("`concat` of this genotype: " + found).c_str());
    expectRefused("enas", fmt::format("[0, {}, 1]", number).c_str(),
                  ("number 1 of this genotype, a node: " + found).c_str());
  }
  expectRefused("darts", R"({"recurrent": [["tanh"]], "concat": [1]})",
                "node 1 of this genotype: expected [activation, predecessor], found `[\"tanh\"]`");
  expectRefused("darts", R"({"recurrent": [[0, 0]], "concat": [1]})",
                "node 1 of this genotype: expected the name of an activation, found `0`");
  expectRefused("darts", R"({"recurrent": [["tanh", 0]], "concat": [1, 1]})",
                "node 1 is part of the output twice");
  expectRefused("darts", R"({"recurrent": [["tanh", 1]], "concat": [1]})",
                "expected an earlier one");
  expectRefused("darts", R"({"recurrent": [["tanh", 0]], "concat": [2]})", "the last node is 1");
  expectRefused("darts", R"({"recurrent": [["tanh", 0]], "concat": []})", "got none");
  expectRefused("darts", R"({"recurrent": [["tan", 0]], "concat": [1]})", "`tan` is no activation");
  expectRefused("enas", "[0, 0]", "an odd count of numbers");
  expectRefused("enas", "{}",
                "this is no genotype of `enas`: expected a list of numbers, found `{}`");
  expectRefused("enas", "[4]",
                "number 0 of this genotype, a function: expected a whole number from 0 to 3, found "
                "`4`");
  expectRefused("enas", "[0, 0, 1.9]", "number 2 of this genotype, a function: expected");
  expectRefused("enas", "[true, 0, 1]", "number 0 of this genotype, a function: expected");
  expectRefused("enas-pytorch", R"({"a": [[0, "tanh"]]})", "`a` is no node");
  expectRefused("enas-pytorch", R"({"-1": [[0, "tan"]]})", "`tan` is no activation");
  expectRefused("enas-pytorch", R"({"-1": [[1, "tanh"]]})", "node 0 of this graph");
  expectRefused("enas-pytorch", "[]", "expected an object of nodes, found `[]`");
  expectRefused("enas-pytorch", R"({"-1": 1})", "node `-1` of this graph: expected a list of");
  expectRefused("enas-pytorch", R"({"-1": [[0.5, "tanh"]]})",
                "node `-1` of this graph: expected a whole number from 0 to 999, found `0.5`");
  expectRefused("enas-pytorch", R"({"-1": [[0, "tanh"]], "-2": [[0, "ReLU"]]})",
                "node 0 of this graph has two activations, tanh and relu, expected one");
  expectRefused("enas-pytorch", R"({"-1": [[0, "tanh"], [0, "tanh"]]})",
                "node 0 of this graph is made twice, of node -1 and of -1");
  expectRefused("enas-pytorch", R"({"-1": [[0, "tanh"]], "0": [[1, "tanh"], [1, "ReLU"]]})",
                "node 1 of this graph is made twice, of node 0 and of 0");
  expectRefused("enas-pytorch", R"({"0": [[0, "tanh"]]})",
                "node 0 of this graph is made of node 0");
  expectRefused("recipes", "{}", "unknown format `recipes`; expected one of nas-bench-nlp, darts");
  CHECK_THROWS_WITH_AS(importGenotype(json::parse("[0]"), "enas", "1a"),
                       doctest::Contains("`1a` is no name of a cell"), Error);
}

TEST_CASE("a graph is read from a cell and written as it was") {
  std::string text = "cell c {\n  input x[I]\n  state h[H], c[H]\n  z = sigmoid(linear(x, h))\n"
                     "  n = tanh(linear(z * h, bias = false)) + leaky_relu(z)\n"
                     "  h' = z / (2 + c * c)\n  c' = (1 - z) * n + 0.5 * c\n  init b_z = 1\n}\n";
  std::string written;
  withCell(text, [&](const Program &, const CheckedCell &checked) {
    written = textOfGraph(graphOfCell(checked.cell), "c");
  });
  CHECK(written == text);
}

} // namespace cellwright
