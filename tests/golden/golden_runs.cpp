// See golden_runs.h.
#include "golden_runs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <span>

namespace cellwright::test {

static const std::string kFolder = CELLWRIGHT_GOLDEN_DIR "/";

Json readJson(const std::string &name) {
  std::ifstream file(kFolder + name);
  REQUIRE_MESSAGE(file, "cannot open " << kFolder << name);
  return Json::parse(file);
}

std::string textOf(const Text &text) { return std::string(text.view()); }

const Tensor &tensorOf(const Layer &layer, const std::string &name) {
  REQUIRE_MESSAGE(layer.tensors.contains(name), layer.cell << " needs " << name);
  return layer.tensors.at(name);
}

/// The sizes of all tensors of a layer, as equations for the cell's dimensions.
static Bound bindLayer(const Cell &cell, const Layer &layer) {
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

BoundLayer::BoundLayer(const Layer &layer) : checked(frontend.findCell(layer.cell)) {
  REQUIRE_MESSAGE(checked.isGood, frontend.renderProblems());
  bound = bindLayer(checked.cell, layer);
}

SequenceInput inputOf(const BoundLayer &bound, const Layer &layer) {
  const Tensor &series = tensorOf(layer, "in.x");
  SequenceInput input;
  input.steps = series.shape[0];
  input.sequences = series.shape[1];
  input.lengths = layer.lengths;
  input.inputs.push_back(series.data);
  for (const Param &param : bound.cell().params)
    input.params.push_back(tensorOf(layer, "param." + textOf(param.name)).data);
  for (const State &state : bound.cell().states) {
    const std::string name = "state0." + textOf(state.name);
    const size_t elements = input.sequences * bound.bound.rows(state.shape);
    input.firstStates.push_back(layer.tensors.contains(name) ? layer.tensors.at(name).data
                                                             : Elements(elements, 0.0));
  }
  return input;
}

static void appendNumbers(const Json &json, std::vector<double> &numbers) {
  if (!json.is_array())
    return numbers.push_back(json.get<double>());
  for (const Json &element : json)
    appendNumbers(element, numbers);
}

Tensor tensorFromJson(const Json &json) {
  Tensor tensor;
  for (const Json *level = &json; level->is_array(); level = &level->front())
    tensor.shape.push_back(static_cast<int64_t>(level->size()));
  appendNumbers(json, tensor.data);
  return tensor;
}

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

Layer layerFromJson(const Json &json, const Tensor &input, const std::vector<int64_t> &lengths) {
  Layer layer;
  layer.cell = json.at("cell").get<std::string>();
  if (layer.cell.ends_with(".cell"))
    layer.cell = kFolder + layer.cell;
  layer.lengths = lengths;
  layer.tensors["in.x"] = input;
  for (const auto &[name, value] : json.items())
    if (name.starts_with("param.") || name.starts_with("state0."))
      layer.tensors[name] = tensorFromJson(value);
  return layer;
}

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

void checkRun(const Json &run, const Tensors &found, double leastTolerance) {
  CAPTURE(run.at("name").get<std::string>());
  double tolerance = std::max(run.at("tolerance").get<double>(), leastTolerance);
  for (const auto &[name, value] : run.at("expected").items()) {
    REQUIRE(found.contains(name));
    checkClose(name, found.at(name), tensorFromJson(value), tolerance);
  }
}

} // namespace cellwright::test
