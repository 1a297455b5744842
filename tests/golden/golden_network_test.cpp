// The recorded runs of other frameworks through the runtime's networks: stacks, directions and
// lengths are its work here.
#include "codegen/compile.h"
#include "codegen/execute.h"
#include "golden_runs.h"
#include "runtime/network.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace cellwright;
using namespace cellwright::test;

namespace {

/// A layer of a run, compiled, with the memory of its arguments.
struct GoldenLayer {
  BoundLayer bound;
  CompiledKernel kernel;
  Direction direction;
  std::vector<std::vector<std::byte>> params, firstStates;

  GoldenLayer(const Json &json, const Tensor &input, bool isDouble)
      : GoldenLayer(layerFromJson(json, input, {}), json.value("reverse", false), isDouble) {}

private:
  GoldenLayer(const test::Layer &layer, bool isReversed, bool isDouble)
      : bound(layer), kernel(compile(bound, isDouble)),
        direction(isReversed ? Direction::Reversed : Direction::Forward) {
    SequenceInput input = inputOf(bound, layer);
    Format format = {static_cast<cellwright_type>(kernel.kernel().type), kernel.kernel().width};
    for (const Elements &param : input.params)
      params.push_back(toBytes(param, format));
    for (const Elements &state : input.firstStates)
      firstStates.push_back(toBytes(state, format));
  }

  static CompiledKernel compile(const BoundLayer &bound, bool isDouble) {
    CompileOptions options;
    options.isDouble = isDouble;
    options.hasBackward = false;
    return compileCell(bound.cell(), bound.bound, options);
  }
};

std::vector<const void *> pointersTo(const std::vector<std::vector<std::byte>> &list) {
  std::vector<const void *> pointers;
  for (const auto &bytes : list)
    pointers.push_back(bytes.data());
  return pointers;
}

Tensors runNetwork(const Json &run, bool isDouble) {
  Tensor x = tensorFromJson(run.at("in.x"));
  const int64_t T = x.shape[0], N = x.shape[1];
  std::vector<std::unique_ptr<GoldenLayer>> layers;
  std::vector<LayerSpec> specs;
  Tensor below{x.shape, {}};
  for (const Json &json : run.at("layers")) {
    // Only the shape of what is below binds a layer's sizes.
    below.data.resize(static_cast<size_t>(T * N * below.shape[2]));
    layers.push_back(std::make_unique<GoldenLayer>(json, below, isDouble));
    LayerSpec spec;
    spec.cell = &layers.back()->kernel.kernel();
    spec.direction = layers.back()->direction;
    specs.push_back(spec);
    below.shape[2] = spec.cell->output_size;
  }
  ThreadPool pool(2);
  Network network(specs, pool);
  Batch batch = makeBatch(T, N, run.value("lengths", std::vector<int64_t>()));
  Series input;
  input.resize(network.format(), T * N, x.shape[2]);
  readSteps(toBytes(x.data, network.format()).data(), batch, input.view());
  NetworkForward forward;
  forward.batch = batch;
  forward.input = input.view();
  for (size_t i = 0; i < layers.size(); ++i) {
    network.cell(static_cast<int>(i)).setParams(pointersTo(layers[i]->params));
    forward.initialStates.push_back(pointersTo(layers[i]->firstStates));
  }
  network.forward(forward);
  Tensors result;
  std::vector<std::byte> bytes(T * N * network.outputSize() * (isDouble ? 8 : 4));
  writeSteps(network.output(), batch, bytes.data());
  result["out"] = {{T, N, network.outputSize()}, toElements(bytes, network.format())};
  for (size_t i = 0; i < layers.size(); ++i) {
    const cellwright_kernel &kernel = layers[i]->kernel.kernel();
    for (int s = 0; s < kernel.state_count; ++s) {
      std::vector<std::byte> state(N * kernel.states[s].size * (isDouble ? 8 : 4));
      network.cell(static_cast<int>(i)).finalState(s, state.data());
      std::string prefix = i + 1 == layers.size() ? "" : "layer" + std::to_string(i) + ".";
      result[prefix + "final." + kernel.states[s].name] = {{N, kernel.states[s].size},
                                                           toElements(state, network.format())};
    }
  }
  return result;
}

} // namespace

TEST_CASE("recorded runs with stacks, directions and lengths, through networks") {
  int64_t count = 0;
  for (const Json &run : readJson("golden_runs.json")) {
    const Json &layers = run.at("layers");
    bool isReversed = std::any_of(layers.begin(), layers.end(),
                                  [](const Json &layer) { return layer.value("reverse", false); });
    if (layers.size() == 1 && !isReversed && !run.contains("lengths"))
      continue;
    checkRun(run, runNetwork(run, true), 0);
    checkRun(run, runNetwork(run, false), 2e-6); // numbers of order one in f32
    ++count;
  }
  CHECK(count >= 15);
}
