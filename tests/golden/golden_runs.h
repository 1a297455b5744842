// Recorded runs of other frameworks as data of our cells: reading golden_runs.json, see
// make_runs.py for its form, and what engines share.
#pragma once

#include "dsl/bind.h"
#include "dsl/frontend.h"
#include "dsl/interpreter.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright::test {

using Json = nlohmann::json;

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

/// A file of tests/golden.
Json readJson(const std::string &name);

std::string textOf(const Text &text);

/// A tensor of the layer's file by its name. All that a cell needs is there, but initial states.
const Tensor &tensorOf(const Layer &layer, const std::string &name);

/// A layer's cell with the numbers of its tensors. The front end owns what it refers to.
struct BoundLayer {
  Frontend frontend;
  CheckedCell checked;
  Bound bound;

  explicit BoundLayer(const Layer &layer);
  const Cell &cell() const { return checked.cell; }
};

/// The layer's series, parameters and initial states.
SequenceInput inputOf(const BoundLayer &bound, const Layer &layer);

/// Nested arrays, outermost axis first.
Tensor tensorFromJson(const Json &json);

/// A layer of a run, on the output of the layer below.
Layer layerFromJson(const Json &json, const Tensor &input, const std::vector<int64_t> &lengths);

/// Turns the steps of each sequence of [T,N,d] around, within its own length.
Tensor reverseInTime(const Tensor &series, const std::vector<int64_t> &lengths);

/// The recorded numbers have few digits: an absolute tolerance, each run's own.
void checkClose(const std::string &name, const Tensor &found, const Tensor &expected,
                double tolerance);

/// Checks all that a run records; names of `found` are those of `expected`.
void checkRun(const Json &run, const Tensors &found, double leastTolerance);

} // namespace cellwright::test
