// Numbers that other frameworks recorded in their tests, against our cells. The runs are data; this
// file only loops over them. What one gets wrong: an engine knows no direction and no stack. Both
// are taken apart here, so that an engine is one function; golden_network_test.cpp has the runtime
// do it.
#include "codegen/compile.h"
#include "codegen/execute.h"
#include "golden_runs.h"

#include <doctest/doctest.h>

#include <array>
#include <set>

using namespace cellwright;
using namespace cellwright::test;

namespace {

/// Runs a layer; the result has `out` [T,N,K] and final.<state> [N,d].
using Engine = Tensors (*)(const test::Layer &layer);

Tensors tensorsOf(const BoundLayer &bound, const SequenceInput &input,
                  const SequenceResult &result) {
  const Cell &cell = bound.cell();
  const int64_t outputs = bound.bound.rows(cell.ops[cell.output].shape);
  Tensors tensors = {{"out", {{input.steps, input.sequences, outputs}, result.output}}};
  for (size_t k = 0; k < cell.states.size(); ++k)
    tensors["final." + textOf(cell.states[k].name)] = {
        {input.sequences, bound.bound.rows(cell.states[k].shape)}, result.finalStates[k]};
  return tensors;
}

/// The interpreter of the cell language, in double.
Tensors interpretLayer(const test::Layer &layer) {
  BoundLayer bound(layer);
  SequenceInput input = inputOf(bound, layer);
  return tensorsOf(bound, input, interpretSequence(bound.cell(), bound.bound, input));
}

template <bool isDouble> Tensors executeLayer(const test::Layer &layer) {
  BoundLayer bound(layer);
  SequenceInput input = inputOf(bound, layer);
  CompileOptions options;
  options.isDouble = isDouble;
  options.hasBackward = false;
  CompiledKernel kernel = compileCell(bound.cell(), bound.bound, options);
  return tensorsOf(bound, input, executeCell(kernel, input, nullptr, 1).forward);
}

struct NamedEngine {
  std::string_view name;
  Engine run;
  double leastTolerance; // of numbers of order one
};

constexpr std::array kEngines = {
    NamedEngine{"interpreter", &interpretLayer, 0},
    NamedEngine{"compiled, f64", &executeLayer<true>, 0},
    NamedEngine{"compiled, f32", &executeLayer<false>, 2e-6},
};

/// Runs a layer of golden_runs.json, in its direction.
Tensors runLayer(const Json &json, const Tensor &input, const std::vector<int64_t> &lengths,
                 Engine engine) {
  const bool reverse = json.value("reverse", false);
  Tensors result =
      engine(layerFromJson(json, reverse ? reverseInTime(input, lengths) : input, lengths));
  if (reverse)
    result["out"] = reverseInTime(result["out"], lengths);
  return result;
}

/// Runs all layers; names of the result are those of `expected`.
Tensors runLayers(const Json &run, Engine engine) {
  const auto lengths = run.value("lengths", std::vector<int64_t>());
  Tensor series = tensorFromJson(run.at("in.x"));
  Tensors result;
  for (const Json &json : run.at("layers")) {
    const std::string prefix = "layer" + std::to_string(&json - &run.at("layers").front()) + ".";
    const bool isLast = &json == &run.at("layers").back();
    for (const auto &[name, tensor] : runLayer(json, series, lengths, engine)) {
      if (name == "out")
        series = tensor;
      if (isLast || name != "out")
        result[isLast ? name : prefix + name] = tensor;
    }
  }
  return result;
}

void checkRectangular(const Json &json) {
  if (!json.is_array()) {
    CHECK(json.is_number());
    return;
  }
  REQUIRE_FALSE(json.empty());
  for (const Json &element : json) {
    CHECK(element.size() == json.front().size());
    checkRectangular(element);
  }
}

} // namespace

TEST_CASE("every recorded case has one run with its tolerance, source and licence") {
  std::map<std::string, Json> records;
  for (const Json &record : readJson("rnn_goldens.json"))
    records[record.at("name")] = record;
  std::set<std::string> found;
  for (const Json &run : readJson("golden_runs.json")) {
    const std::string name = run.at("name");
    CAPTURE(name);
    CHECK(found.insert(name).second);
    REQUIRE(records.contains(name));
    for (const char *key : {"tolerance", "source", "licence"})
      CHECK(run.at(key) == records[name].at(key));
  }
  CHECK(found.size() == records.size());
}

TEST_CASE("every tensor of a run is rectangular and has numbers only") {
  for (const Json &run : readJson("golden_runs.json")) {
    CAPTURE(run.at("name").get<std::string>());
    checkRectangular(run.at("in.x"));
    for (const Json &value : run.at("expected"))
      checkRectangular(value);
    for (const Json &layer : run.at("layers"))
      for (const auto &[name, value] : layer.items())
        if (name.starts_with("param.") || name.starts_with("state0."))
          checkRectangular(value);
  }
}

TEST_CASE("reversing turns each sequence around within its own length") {
  const Tensor series{{3, 2, 1}, {1, 10, 2, 20, 3, 30}};
  CHECK(reverseInTime(series, {}).data == std::vector<double>{3, 30, 2, 20, 1, 10});
  CHECK(reverseInTime(series, {2, 3}).data == std::vector<double>{2, 30, 1, 20, 3, 10});
}

TEST_CASE("recorded runs of other frameworks") {
  for (const NamedEngine &engine : kEngines) {
    CAPTURE(engine.name);
    for (const Json &run : readJson("golden_runs.json"))
      checkRun(run, runLayers(run, engine.run), engine.leastTolerance);
  }
}
