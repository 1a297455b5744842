// Networks of hand-written cells against their layers taken one by one.
#include "runtime/network.h"

#include "leaky_reference.h"
#include "tests/support/allocations.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace cellwright;
using namespace cellwright::test;

namespace {

constexpr int64_t H = kLeakySize;

struct Shape {
  int64_t T, N;
  std::vector<int64_t> lengths;
};

Numbers numbersFor(int64_t count, uint64_t seed) {
  Numbers numbers = makeLeakyCase(count, 1, false, false, seed).x;
  numbers.resize(static_cast<size_t>(count));
  return numbers;
}

/// [T,N,5] with the steps of each sequence in the opposite order, within its own length.
Numbers reversed(const Numbers &series, const Shape &shape) {
  Numbers result(series.size(), 0.0);
  for (int64_t n = 0; n < shape.N; ++n) {
    int64_t length = shape.lengths.empty() ? shape.T : shape.lengths[n];
    for (int64_t t = 0; t < length; ++t)
      std::copy_n(series.begin() + ((length - 1 - t) * shape.N + n) * H, H,
                  result.begin() + (t * shape.N + n) * H);
  }
  return result;
}

/// Columns [first, first + 5) of [T,N,columns].
Numbers columnsOf(const Numbers &series, int64_t columns, int64_t first) {
  Numbers result;
  for (size_t row = 0; row < series.size() / columns; ++row)
    result.insert(result.end(), series.begin() + row * columns + first,
                  series.begin() + row * columns + first + H);
  return result;
}

void add(Numbers &to, const Numbers &from, double factor = 1) {
  for (size_t i = 0; i < to.size(); ++i)
    to[i] += factor * from[i];
}

/// One cell of a layer as the plain loop has it.
struct ReferenceCell {
  Numbers a, h0, dfinal;
  LeakyResult result;
  LeakyCase given;

  Numbers forward(const Numbers &x, const Shape &shape, bool isReversed) {
    int64_t rows = shape.T * shape.N;
    given = {shape.T,
             shape.N,
             isReversed ? reversed(x, shape) : x,
             Numbers(shape.N * H),
             h0,
             a,
             shape.lengths,
             {},
             Numbers(rows * H),
             Numbers(rows * H),
             dfinal};
    result = leakyReference(given);
    return isReversed ? reversed(result.h, shape) : result.h;
  }
  Numbers backward(const Numbers &dy, const Shape &shape, bool isReversed) {
    given.dy = isReversed ? reversed(dy, shape) : dy;
    result = leakyReference(given);
    return isReversed ? reversed(result.dx, shape) : result.dx;
  }
};

/// What a network takes and gives, by cell.
struct NetworkCase {
  std::vector<LayerSpec> layers;
  Shape shape;
  Numbers x, dy;
  std::vector<Numbers> a, h0, dfinal;
};

struct NetworkResult {
  Numbers y, dx;
  std::vector<Numbers> da, dh0, final;
};

bool isBoth(const LayerSpec &layer) {
  return layer.direction == Direction::BothConcat || layer.direction == Direction::BothSum;
}

NetworkCase makeCase(std::vector<LayerSpec> layers, Shape shape, uint64_t seed) {
  NetworkCase result{std::move(layers), std::move(shape), {}, {}, {}, {}, {}};
  int64_t rows = result.shape.T * result.shape.N;
  int64_t outputs = H;
  for (const LayerSpec &layer : result.layers) {
    outputs = layer.direction == Direction::BothConcat ? 2 * H : H;
    for (int i = 0; i < (isBoth(layer) ? 2 : 1); ++i) {
      uint64_t cellSeed = seed + 100 * result.a.size();
      result.a.push_back(numbersFor(H, cellSeed + 1));
      result.h0.push_back(numbersFor(result.shape.N * H, cellSeed + 2));
      result.dfinal.push_back(numbersFor(result.shape.N * H, cellSeed + 3));
    }
  }
  result.x = numbersFor(rows * H, seed + 4);
  result.dy = numbersFor(rows * outputs, seed + 5);
  // Beyond the ends nothing is read; zeros make the reference's sums simple.
  for (int64_t t = 0; t < result.shape.T; ++t)
    for (int64_t n = 0; n < result.shape.N; ++n)
      if (!result.shape.lengths.empty() && t >= result.shape.lengths[n])
        for (int64_t i = 0; i < outputs; ++i) {
          result.dy[(t * result.shape.N + n) * outputs + i] = 0;
          if (i < H)
            result.x[(t * result.shape.N + n) * H + i] = 0;
        }
  return result;
}

/// The layers one by one, each cell by the plain loop.
NetworkResult referenceOf(const NetworkCase &given) {
  std::vector<ReferenceCell> cells;
  for (size_t i = 0; i < given.a.size(); ++i)
    cells.push_back({given.a[i], given.h0[i], given.dfinal[i], {}, {}});
  auto isReversed = [](const LayerSpec &layer, size_t i) {
    return layer.direction == Direction::Reversed || i == 1;
  };
  NetworkResult result;
  Numbers below = given.x;
  size_t cell = 0;
  for (const LayerSpec &layer : given.layers) {
    if (layer.dropout) // doubles
      add(below, Numbers(below));
    std::vector<Numbers> outputs;
    for (size_t i = 0; i < (isBoth(layer) ? 2 : 1); ++i)
      outputs.push_back(cells[cell++].forward(below, given.shape, isReversed(layer, i)));
    Numbers merged = outputs[0];
    if (layer.direction == Direction::BothSum)
      add(merged, outputs[1]);
    if (layer.direction == Direction::BothConcat) {
      merged.clear();
      for (size_t row = 0; row < outputs[0].size() / H; ++row)
        for (const Numbers &output : outputs)
          merged.insert(merged.end(), output.begin() + row * H, output.begin() + (row + 1) * H);
    }
    if (layer.isResidual)
      add(merged, below);
    below = merged;
  }
  result.y = below;
  Numbers above = given.dy;
  for (auto layer = given.layers.rbegin(); layer != given.layers.rend(); ++layer) {
    size_t count = isBoth(*layer) ? 2 : 1;
    cell -= count;
    Numbers dx(given.x.size(), 0.0);
    if (layer->isResidual)
      dx = above;
    for (size_t i = 0; i < count; ++i) {
      Numbers dy =
          layer->direction == Direction::BothConcat ? columnsOf(above, 2 * H, i * H) : above;
      add(dx, cells[cell + i].backward(dy, given.shape, isReversed(*layer, i)));
    }
    if (layer->dropout)
      add(dx, Numbers(dx));
    above = dx;
  }
  result.dx = above;
  for (const ReferenceCell &each : cells) {
    result.da.push_back(each.result.da);
    result.dh0.push_back(each.result.dh0);
    result.final.push_back(each.result.final);
  }
  return result;
}

/// The same case by a Network, with the memory of its arguments.
class NetworkRun {
public:
  NetworkRun(const NetworkCase &given, int threads)
      : given(given), pool(threads), network(given.layers, pool),
        batch(makeBatch(given.shape.T, given.shape.N, given.shape.lengths)) {
    int64_t rows = given.shape.T * given.shape.N;
    x.resize(kLeakyFormat, rows, H);
    readSteps(given.x.data(), batch, x.view());
    dy.resize(kLeakyFormat, rows, network.outputSize());
    readSteps(given.dy.data(), batch, dy.view());
    dx.resize(kLeakyFormat, rows, H);
    forward.batch = batch;
    forward.input = x.view();
    forward.isTraining = true;
    backward.outputAdjoint = dy.view();
    backward.inputAdjoint = dx.view();
    for (int i = 0; i < network.cellCount(); ++i) {
      const void *params[] = {given.a[i].data()};
      network.cell(i).setParams(params);
      da.emplace_back(H);
      dh0.emplace_back(given.h0[i].size());
    }
    for (int i = 0; i < network.cellCount(); ++i) {
      forward.initialStates.push_back({given.h0[i].data()});
      backward.finalAdjoints.push_back({given.dfinal[i].data()});
      backward.paramGradients.push_back({da[i].data()});
      backward.initialAdjoints.push_back({dh0[i].data()});
    }
  }

  void run() {
    network.forward(forward);
    network.backward(backward);
  }

  NetworkResult results() {
    NetworkResult result;
    result.y.resize(given.dy.size());
    writeSteps(network.output(), batch, result.y.data());
    result.dx.resize(given.x.size());
    writeSteps(dx.view(), batch, result.dx.data());
    result.da = da;
    result.dh0 = dh0;
    for (int i = 0; i < network.cellCount(); ++i) {
      result.final.emplace_back(given.h0[i].size());
      network.cell(i).finalState(0, result.final.back().data());
    }
    return result;
  }

  const NetworkCase &given;
  ThreadPool pool;
  Network network;
  Batch batch;
  NetworkForward forward;
  NetworkBackward backward;
  Series x, dy, dx;
  std::vector<Numbers> da, dh0;
};

void checkSame(const NetworkResult &found, const NetworkResult &expected) {
  CHECK(distance(found.y, expected.y) <= 1e-11);
  CHECK(distance(found.dx, expected.dx) <= 1e-11);
  for (size_t i = 0; i < expected.da.size(); ++i) {
    CHECK(distance(found.da[i], expected.da[i]) <= 1e-10);
    CHECK(distance(found.dh0[i], expected.dh0[i]) <= 1e-11);
    CHECK(distance(found.final[i], expected.final[i]) <= 1e-11);
  }
}

LayerSpec layerOf(Direction direction, bool isResidual = false, bool hasDropout = false) {
  LayerSpec layer;
  layer.cell = &plainLeakyKernel();
  layer.direction = direction;
  layer.reversedCell = isBoth(layer) ? &plainLeakyKernel() : nullptr;
  layer.isResidual = isResidual;
  layer.dropout = hasDropout ? &doublingKernel() : nullptr;
  return layer;
}

std::vector<Shape> shapes() {
  return {{1, 1, {}}, {4, 3, {}}, {6, 3, {2, 6, 0}}, {3, 4, {3, 1, 2, 3}}, {40, 9, {}}};
}

std::string constructionError(std::vector<LayerSpec> layers) {
  ThreadPool pool(1);
  return errorOf([&] { Network(std::move(layers), pool); });
}

} // namespace

TEST_CASE("layers in every direction, residual or not, equal their cells one by one") {
  using enum Direction;
  const std::vector<std::vector<LayerSpec>> networks = {
      {layerOf(Forward)},
      {layerOf(Reversed)},
      {layerOf(BothSum)},
      {layerOf(BothConcat)},
      {layerOf(Forward, true)},
      {layerOf(Reversed, true)},
      {layerOf(BothSum, true)},
      {layerOf(Forward), layerOf(Forward)},
      {layerOf(Reversed), layerOf(Forward, true), layerOf(BothSum)},
      {layerOf(BothSum, true), layerOf(BothSum), layerOf(BothConcat)},
      {layerOf(Forward, false, true)},
      {layerOf(Forward), layerOf(BothSum, true, true), layerOf(Reversed, true, true)},
  };
  for (size_t i = 0; i < networks.size(); ++i)
    for (const Shape &shape : shapes()) {
      CAPTURE(i);
      CAPTURE(shape.T);
      CAPTURE(shape.lengths.size());
      NetworkCase given = makeCase(networks[i], shape, 50 * i);
      NetworkRun one(given, 1);
      one.run();
      NetworkResult found = one.results();
      checkSame(found, referenceOf(given));
      for (int threads : {2, 5}) {
        NetworkRun more(given, threads);
        more.run();
        CHECK(more.results().y == found.y);
        CHECK(more.results().dx == found.dx);
        CHECK(more.results().da == found.da);
      }
    }
}

TEST_CASE("outside of training nothing is dropped out and no tape is kept") {
  NetworkCase given = makeCase({layerOf(Direction::Forward, false, true)}, {4, 3, {}}, 3);
  NetworkRun run(given, 1);
  run.forward.isTraining = false;
  run.network.forward(run.forward);
  given.layers[0].dropout = nullptr;
  CHECK(distance(run.results().y, referenceOf(given).y) <= 1e-13);
  CHECK(errorOf([&] { run.network.backward(run.backward); }) ==
        "`plain`: backward needs a forward call that keeps its tape");
}

TEST_CASE("a network that goes on from an earlier call equals one call") {
  std::vector<LayerSpec> layers = {layerOf(Direction::Forward), layerOf(Direction::Forward, true)};
  NetworkCase whole = makeCase(layers, {6, 3, {}}, 9);
  Numbers expected = referenceOf(whole).y;
  NetworkCase part = whole;
  part.shape.T = 3;
  part.x.resize(part.x.size() / 2);
  part.dy.resize(part.dy.size() / 2);
  NetworkRun run(part, 2);
  run.run();
  Numbers y = run.results().y;
  Numbers rest(whole.x.begin() + static_cast<int64_t>(part.x.size()), whole.x.end());
  readSteps(rest.data(), run.batch, run.x.view());
  run.forward.isContinued = true;
  run.run();
  Numbers more = run.results().y;
  y.insert(y.end(), more.begin(), more.end());
  CHECK(distance(y, expected) <= 1e-13);
}

TEST_CASE("an output that no adjoint reaches still has gradients of final states") {
  for (Direction direction : {Direction::Forward, Direction::BothConcat}) {
    NetworkCase given = makeCase({layerOf(direction, false)}, {3, 2, {}}, 4);
    NetworkRun run(given, 1);
    run.backward.outputAdjoint = {};
    run.run();
    std::fill(given.dy.begin(), given.dy.end(), 0.0);
    checkSame(run.results(), referenceOf(given));
  }
}

TEST_CASE("inputs per sequence reach their cells, and their adjoints come back") {
  LayerSpec styled = layerOf(Direction::Forward);
  styled.cell = &leakyKernel();
  NetworkCase given = makeCase({layerOf(Direction::Forward), styled}, {4, 3, {}}, 6);
  NetworkRun run(given, 1);
  Series v, dv;
  v.resize(kLeakyFormat, 3, H);
  dv.resize(kLeakyFormat, 3, H);
  Numbers style = numbersFor(3 * H, 77), adjoint(3 * H), expected(3 * H);
  readSequences(style.data(), run.batch, v.view());
  CHECK(errorOf([&] { run.network.forward(run.forward); }) ==
        "`leaky`: input `v` per sequence is missing");
  run.forward.sequenceInputs = {{}, {v.view()}};
  run.backward.sequenceInputAdjoints = {{}, {dv.view()}};
  run.run();
  NetworkResult found = run.results();
  NetworkResult plain = referenceOf(given);
  for (int64_t row = 0; row < 4 * 3; ++row)
    for (int64_t i = 0; i < H; ++i) {
      CHECK(found.y[row * H + i] ==
            doctest::Approx(plain.y[row * H + i] + style[row % 3 * H + i]).epsilon(1e-12));
      expected[row % 3 * H + i] += given.dy[row * H + i];
    }
  writeSequences(dv.view(), run.batch, adjoint.data());
  CHECK(distance(adjoint, expected) <= 1e-13);
}

TEST_CASE("a call like the one before allocates nothing") {
  if (!canCountAllocations())
    return;
  NetworkCase given = makeCase({layerOf(Direction::Forward, true, true),
                                layerOf(Direction::BothSum), layerOf(Direction::BothConcat)},
                               {9, 4, {9, 3, 0, 5}}, 8);
  NetworkRun run(given, 2);
  run.run();
  int64_t before = allocationCount();
  run.run();
  CHECK(allocationCount() == before);
}

TEST_CASE("layers that do not fit each other are named") {
  cellwright_kernel other = plainLeakyKernel();
  other.width = 8;
  LayerSpec plain = layerOf(Direction::Forward);
  LayerSpec layer = plain;
  CHECK(constructionError({}) == "a network has at least one layer, got none");
  layer.cell = nullptr;
  CHECK(constructionError({layer}) == "a layer of the network has no cell");
  layer = plain;
  layer.direction = Direction::BothSum;
  CHECK(constructionError({layer}) ==
        "a layer has a second cell exactly if it runs in both directions");
  layer.reversedCell = &other;
  CHECK(constructionError({layer}) ==
        "layer 0: `plain` was compiled for another element type or target");
  CHECK(constructionError({layerOf(Direction::BothConcat), plain}) ==
        "layer 1: `plain` takes 5 numbers, the layer below gives 10");
  CHECK(constructionError({layerOf(Direction::BothConcat, true)}) ==
        "layer 0: a residual connection needs equal sizes, got 5 numbers in and 10 out");
  cellwright_kernel wider = plainLeakyKernel();
  wider.output_size = 6;
  layer.reversedCell = &wider;
  CHECK(constructionError({layer}) ==
        "layer 0: the sum of both directions needs equal sizes, got 5 and 6");
  layer = plain;
  layer.dropout = &plainLeakyKernel();
  CHECK(constructionError({layer}) ==
        "layer 0: `plain` cannot drop out 5 numbers: a cell of one input is needed that gives as "
        "many numbers as it takes, without states and parameters");
  LayerSpec embedding = plain;
  embedding.cell = &embeddingKernel();
  CHECK(constructionError({embedding, plain}).empty());
  CHECK(constructionError({embedding, embedding}) ==
        "layer 1: `embedding` takes 3 numbers, the layer below gives 5");
  cellwright_kernel square = embeddingKernel();
  const cellwright_vector_info index = {"k", H, 0, 1};
  square.inputs = &index;
  LayerSpec second = plain;
  second.cell = &square;
  CHECK(constructionError({plain, second}) ==
        "layer 1: `embedding` takes indices, the layer below gives numbers");
  second.isResidual = true;
  CHECK(constructionError({second}) ==
        "layer 0: a residual connection needs equal sizes, got 5 indices in and 5 out");
  second.isResidual = false;
  second.direction = Direction::BothSum;
  second.reversedCell = &plainLeakyKernel();
  CHECK(constructionError({second}) ==
        "layer 0: `plain` takes numbers, the layer below gives indices");
  second.reversedCell = &square;
  CHECK(constructionError({second}) ==
        "`embedding` takes indices, which cannot run from the end to the start");
}

TEST_CASE("a caller's mistake in a network's call is named") {
  NetworkCase given = makeCase({layerOf(Direction::BothSum)}, {4, 3, {}}, 3);
  NetworkRun run(given, 1);
  std::vector<uint8_t> resets(12);
  NetworkForward forward = run.forward;
  forward.resets = resets.data();
  CHECK(errorOf([&] { run.network.forward(forward); }) ==
        "resets have no meaning in a layer that runs from the end to the start");
  forward = run.forward;
  forward.isContinued = true;
  CHECK(errorOf([&] { run.network.forward(forward); }) ==
        "a layer that runs from the end to the start cannot go on from an earlier call");
  forward = run.forward;
  forward.input.rows = 11;
  CHECK(errorOf([&] { run.network.forward(forward); }) ==
        "input of the network: expected 12 rows of 5 numbers, got 11 of 5");
  run.network.forward(run.forward);
  NetworkBackward backward = run.backward;
  backward.outputAdjoint.columns = 4;
  CHECK(errorOf([&] { run.network.backward(backward); }) ==
        "adjoint of the network's output: expected 12 rows of 5 numbers, got 12 of 4");
}
