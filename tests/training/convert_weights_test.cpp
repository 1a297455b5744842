// Weights from other frameworks' tensors and back: properties of every row of the table. Recorded
// runs, names and messages are in tests/tools/convert_test.py.
#include "tests/support/error_text.h"
#include "training/convert_weights.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace cellwright;

/// A cell's sizes in layer `layer` of a network.
static Sizes sizesOf(const WeightLayout &layout, const NetworkShape &shape, int64_t layer) {
  Sizes sizes = {{'H', 5}, {'I', 3}};
  if (!layout.projection.empty())
    sizes['P'] = 2;
  if (layer > 0)
    sizes['I'] = (shape.isBidirectional ? 2 : 1) * (layout.projection.empty() ? 5 : 2);
  return sizes;
}

/// A network whose numbers are all different.
static NetworkWeights makeNetwork(const WeightLayout &layout, const NetworkShape &shape) {
  NetworkWeights weights{shape, {}, {}};
  float next = 1;
  for (int64_t layer = 0; layer < shape.layers; ++layer)
    for (int direction = 0; direction < (shape.isBidirectional ? 2 : 1); ++direction) {
      CellWeights cell{sizesOf(layout, shape, layer), {}};
      for (const TensorForm &form : ourForms(layout)) {
        std::vector<int64_t> axes = shapeOf(form, cell.sizes);
        std::vector<float> values(Tensor{"", TensorType::F32, axes, {}}.elements());
        for (float &value : values)
          value = next++;
        cell.params.push_back(
            makeTensor(std::string(form.key), axes, std::span<const float>(values)));
      }
      weights.cells.push_back(std::move(cell));
    }
  return weights;
}

static void forEachNetwork(const auto &check) {
  for (const WeightLayout &layout : weightLayouts())
    for (int64_t layers : {1, 2, 11})
      for (bool isBidirectional : {false, true}) {
        CAPTURE(layout.framework);
        CAPTURE(layout.module);
        CAPTURE(layers);
        CAPTURE(isBidirectional);
        NetworkShape shape{layers, isBidirectional};
        check(layout, makeNetwork(layout, shape));
      }
}

static void checkSame(const NetworkWeights &a, const NetworkWeights &b) {
  CHECK(a.shape.layers == b.shape.layers);
  CHECK(a.shape.isBidirectional == b.shape.isBidirectional);
  REQUIRE(a.cells.size() == b.cells.size());
  for (size_t i = 0; i < a.cells.size(); ++i) {
    CHECK(a.cells[i].sizes == b.cells[i].sizes);
    REQUIRE(a.cells[i].params.size() == b.cells[i].params.size());
    for (size_t p = 0; p < a.cells[i].params.size(); ++p) {
      CHECK(a.cells[i].params[p].name == b.cells[i].params[p].name);
      CHECK(a.cells[i].params[p].shape == b.cells[i].params[p].shape);
      CHECK(a.cells[i].params[p].data == b.cells[i].params[p].data);
    }
  }
}

TEST_CASE("every row gives back what it got, whatever the layers and directions") {
  forEachNetwork([](const WeightLayout &layout, const NetworkWeights &network) {
    TensorFile theirs = formatTheirWeights(network, layout, "a.b/");
    checkSame(readTheirWeights(theirs, "f", layout, {.prefix = "a.b/"}), network);
    TensorFile ours = formatOurWeights(network, layout);
    checkSame(readOurWeights(ours, "f", layout, {}), network);
  });
}

TEST_CASE("every element of theirs is one of ours, or the zero of a second bias") {
  forEachNetwork([](const WeightLayout &layout, const NetworkWeights &network) {
    std::map<float, int> counts;
    for (const Tensor &tensor : formatTheirWeights(network, layout, "").tensors)
      for (float value : toFloats(tensor))
        ++counts[value];
    size_t zeros = static_cast<size_t>(counts[0]);
    counts.erase(0);
    size_t ours = 0;
    for (const CellWeights &cell : network.cells)
      for (const Tensor &param : cell.params)
        ours += static_cast<size_t>(param.elements());
    CHECK(counts.size() == ours);
    for (auto [value, count] : counts)
      CHECK_MESSAGE(count == 1, value);
    bool hasTwo = layout.framework == "pytorch" || layout.hasBiasRows;
    CHECK((zeros > 0) == hasTwo);
  });
}

TEST_CASE("one cell of many is taken for itself") {
  for (const WeightLayout &layout : weightLayouts()) {
    NetworkWeights network = makeNetwork(layout, {3, true});
    TensorFile theirs = formatTheirWeights(network, layout, "");
    for (int64_t layer : {0, 1, 2})
      for (bool isReversed : {false, true}) {
        NetworkWeights one =
            readTheirWeights(theirs, "f", layout, {.layer = layer, .isReversed = isReversed});
        size_t place = static_cast<size_t>(2 * layer + isReversed);
        checkSame(one, {{1, false}, {network.cells[place]}, {}});
      }
  }
}

TEST_CASE("rows of a cell agree on its parameters") {
  std::map<std::string_view, std::vector<std::string_view>> params;
  std::set<std::pair<std::string_view, std::string_view>> rows;
  for (const WeightLayout &layout : weightLayouts()) {
    CHECK(rows.insert({layout.framework, layout.cell}).second);
    std::vector<std::string_view> keys;
    for (const TensorForm &form : ourForms(layout))
      keys.push_back(form.key);
    CHECK(params.emplace(layout.cell, keys).first->second == keys);
  }
}

TEST_CASE("unknown frameworks and cells list the known ones") {
  CHECK(errorOf([] { frameworkOf("onnx"); }) ==
        "unknown framework `onnx`; there are pytorch, keras");
  CHECK(errorOf([] { layoutOf("keras", "mut1"); }) ==
        "keras has no layer of the equations of `mut1`; it has lstm (LSTM), gru_reset_after (GRU), "
        "gru (GRU(reset_after=False)), elman (SimpleRNN), elman_relu "
        "(SimpleRNN(activation=\"relu\"))");
}
