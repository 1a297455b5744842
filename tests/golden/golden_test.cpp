// Numbers that other frameworks recorded in their tests, against our cells. The runs are data, see
// make_runs.py for their form; this file only loops over them. What one gets wrong: an engine knows
// no direction and no stack. Both are taken apart here, so that an engine is one function.
#include "dsl/bind.h"
#include "dsl/frontend.h"
#include "dsl/interpreter.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace cellwright;

namespace {

using Json = nlohmann::json;

const std::string kFolder = CELLWRIGHT_GOLDEN_DIR "/";

/// Row-major, last axis fastest.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

using Tensors = std::map<std::string, Tensor>;

/// One layer in forward direction, as an engine gets it. `tensors` has the names of `cellwright
/// run`: in.x [T,N,I], param.<name>, state0.<state> [N,d]; `lengths` is empty or [N].
struct Layer {
  std::string cell; // the name of a shipped cell, or the path of a file
  Tensors tensors;
  std::vector<int64_t> lengths;
};

/// Runs a layer; the result has `out` [T,N,K] and final.<state> [N,d].
using Engine = Tensors (*)(const Layer &layer);

Json readJson(const std::string &name) {
  std::ifstream file(kFolder + name);
  REQUIRE_MESSAGE(file, "cannot open " << kFolder << name);
  return Json::parse(file);
}

std::string textOf(const Text &text) { return std::string(text.view()); }

/// A tensor of the layer's file by its name. All that a cell needs is there, but initial states.
const Tensor &tensorOf(const Layer &layer, const std::string &name) {
  REQUIRE_MESSAGE(layer.tensors.contains(name), layer.cell << " needs " << name);
  return layer.tensors.at(name);
}

/// The sizes of all tensors of a layer, as equations for the cell's dimensions.
Bound bindLayer(const Cell &cell, const Layer &layer) {
  std::vector<SizeFact> facts;
  std::set<std::string> known;
  Diagnostics problems;
  auto addFacts = [&](const std::string &name, const Shape &shape, size_t seriesAxes) {
    known.insert(name);
    if (!layer.tensors.contains(name))
      return;
    const std::vector<int64_t> &axes = layer.tensors.at(name).shape;
    addTensorFacts(shape, std::span(axes).subspan(seriesAxes), name, facts, problems);
  };
  for (const Input &input : cell.inputs)
    addFacts("in." + textOf(input.name), input.shape, 2);
  for (const State &state : cell.states)
    addFacts("state0." + textOf(state.name), state.shape, 1);
  for (const Param &param : cell.params)
    addFacts("param." + textOf(param.name), param.shape, 0);
  for (const auto &[name, tensor] : layer.tensors)
    CHECK_MESSAGE(known.contains(name), layer.cell << " does not know " << name);
  const std::optional<Bound> bound = bindCell(cell, facts, problems);
  REQUIRE_MESSAGE(bound.has_value(), layer.cell);
  return *bound;
}

/// The interpreter of the cell language, in double.
Tensors interpretLayer(const Layer &layer) {
  Frontend frontend;
  const CheckedCell checked = frontend.findCell(layer.cell);
  REQUIRE_MESSAGE(checked.isGood, frontend.renderProblems());
  const Cell &cell = checked.cell;
  const Bound bound = bindLayer(cell, layer);

  const Tensor &series = tensorOf(layer, "in.x");
  SequenceInput input;
  input.steps = series.shape[0];
  input.sequences = series.shape[1];
  input.lengths = layer.lengths;
  input.inputs.push_back(series.data);
  for (const Param &param : cell.params)
    input.params.push_back(tensorOf(layer, "param." + textOf(param.name)).data);
  for (const State &state : cell.states) {
    const std::string name = "state0." + textOf(state.name);
    const size_t elements = input.sequences * bound.rows(state.shape);
    input.firstStates.push_back(layer.tensors.contains(name) ? layer.tensors.at(name).data
                                                             : Elements(elements, 0.0));
  }

  const SequenceResult result = interpretSequence(cell, bound, input);
  const int64_t outputs = bound.rows(cell.ops[cell.output].shape);
  Tensors tensors = {{"out", {{input.steps, input.sequences, outputs}, result.output}}};
  for (size_t k = 0; k < cell.states.size(); ++k)
    tensors["final." + textOf(cell.states[k].name)] = {
        {input.sequences, bound.rows(cell.states[k].shape)}, result.finalStates[k]};
  return tensors;
}

struct NamedEngine {
  std::string_view name;
  Engine run;
};

/// What runs cells. The compiled engine is one more row.
constexpr std::array kEngines = {NamedEngine{"interpreter", &interpretLayer}};

void appendNumbers(const Json &json, std::vector<double> &numbers) {
  if (!json.is_array())
    return numbers.push_back(json.get<double>());
  for (const Json &element : json)
    appendNumbers(element, numbers);
}

/// Nested arrays, outermost axis first.
Tensor tensorFromJson(const Json &json) {
  Tensor tensor;
  for (const Json *level = &json; level->is_array(); level = &level->front())
    tensor.shape.push_back(static_cast<int64_t>(level->size()));
  appendNumbers(json, tensor.data);
  return tensor;
}

/// Turns the steps of each sequence of [T,N,d] around, within its own length.
Tensor reverseInTime(const Tensor &series, const std::vector<int64_t> &lengths) {
  Tensor result = series;
  const int64_t steps = series.shape[0], sequences = series.shape[1], columns = series.shape[2];
  for (int64_t n = 0; n < sequences; ++n) {
    const int64_t length = lengths.empty() ? steps : lengths[n];
    for (int64_t t = 0; t < length; ++t) {
      const auto from = series.data.begin() + ((length - 1 - t) * sequences + n) * columns;
      std::copy(from, from + columns, result.data.begin() + (t * sequences + n) * columns);
    }
  }
  return result;
}

/// Runs a layer of golden_runs.json, in its direction.
Tensors runLayer(const Json &json, const Tensor &input, const std::vector<int64_t> &lengths,
                 Engine engine) {
  Layer layer;
  layer.cell = json.at("cell").get<std::string>();
  if (layer.cell.ends_with(".cell"))
    layer.cell = kFolder + layer.cell;
  layer.lengths = lengths;
  const bool reverse = json.value("reverse", false);
  layer.tensors["in.x"] = reverse ? reverseInTime(input, lengths) : input;
  for (const auto &[name, value] : json.items())
    if (name.starts_with("param.") || name.starts_with("state0."))
      layer.tensors[name] = tensorFromJson(value);
  Tensors result = engine(layer);
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

/// The recorded numbers have few digits: an absolute tolerance, each run's own.
void checkClose(const std::string &name, const Tensor &found, const Tensor &expected,
                double tolerance) {
  CAPTURE(name);
  REQUIRE(found.shape == expected.shape);
  size_t worst = 0;
  double error = -1;
  for (size_t k = 0; k < expected.data.size(); ++k) {
    const double difference = std::abs(found.data[k] - expected.data[k]);
    if (!(difference <= error)) { // a NaN is the worst
      worst = k;
      error = difference;
    }
  }
  INFO("worst element " << worst << ": found " << found.data[worst] << ", expected "
                        << expected.data[worst]);
  CHECK(error <= tolerance);
}

void checkRuns(Engine engine) {
  for (const Json &run : readJson("golden_runs.json")) {
    CAPTURE(run.at("name").get<std::string>());
    const Tensors found = runLayers(run, engine);
    for (const auto &[name, value] : run.at("expected").items()) {
      REQUIRE(found.contains(name));
      checkClose(name, found.at(name), tensorFromJson(value), run.at("tolerance").get<double>());
    }
  }
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
    checkRuns(engine.run);
  }
}
