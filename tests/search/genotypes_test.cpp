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
  expectRefused("nas-bench-nlp", R"({"h_new_0": 3})", "this is no recipe");
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
  expectRefused("darts", "{}", "this is no genotype of `darts`");
  expectRefused("darts", R"({"recurrent": [["tanh", 1]], "concat": [1]})",
                "expected an earlier one");
  expectRefused("darts", R"({"recurrent": [["tanh", 0]], "concat": [2]})", "the last node is 1");
  expectRefused("darts", R"({"recurrent": [["tanh", 0]], "concat": []})", "got none");
  expectRefused("darts", R"({"recurrent": [["tan", 0]], "concat": [1]})", "`tan` is no activation");
  expectRefused("enas", "[0, 0]", "an odd count of numbers");
  expectRefused("enas", "[4]", "functions are 0 to 3");
  expectRefused("enas-pytorch", R"({"a": [[0, "tanh"]]})", "`a` is no node");
  expectRefused("enas-pytorch", R"({"-1": [[0, "tan"]]})", "`tan` is no activation");
  expectRefused("enas-pytorch", R"({"-1": [[1, "tanh"]]})", "node 0 of this graph");
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
