// Deep networks of different compiled cells in both directions against their cells one by one:
// values by the interpreter, gradients by differences of it.
#include "layer_run.h"
#include "support.h"

#include "runtime/network.h"
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <random>

namespace cellwright {

namespace {

struct CellOfNetwork {
  TestCell cell;
  std::unique_ptr<CompiledKernel> kernel;
  std::vector<Elements> params, firstStates, finalAdjoints;
};

struct LayerOfNetwork {
  Direction direction;
  bool isResidual;
  std::vector<std::string> cells; // one, or forward and reversed
  int64_t H;
};

/// A network as data: its cells with numbers, compiled in f64.
class TestNetwork {
public:
  TestNetwork(std::vector<LayerOfNetwork> layers, int64_t I, int64_t T, int64_t N,
              std::vector<int64_t> lengths)
      : layers(std::move(layers)), T(T), N(N), lengths(std::move(lengths)) {
    int64_t below = I;
    for (const LayerOfNetwork &layer : this->layers) {
      for (const std::string &name : layer.cells)
        addCell(name, below, layer.H);
      below = layer.direction == Direction::BothConcat ? 2 * layer.H : layer.H;
    }
    x = draw(T * N * I);
    dy = draw(T * N * below);
    outputs = below;
  }

  /// The loss whose gradients the adjoints ask for, by the interpreter.
  double loss() {
    Elements y = interpret();
    double sum = 0;
    for (int64_t t = 0; t < T; ++t)
      for (int64_t n = 0; n < N; ++n)
        for (int64_t i = 0; i < outputs && t < lengthOf(n); ++i)
          sum += y[(t * N + n) * outputs + i] * dy[(t * N + n) * outputs + i];
    return sum + finalLoss;
  }

  Elements interpret() {
    finalLoss = 0;
    Elements below = x;
    size_t cell = 0;
    for (const LayerOfNetwork &layer : layers) {
      Elements merged;
      for (size_t i = 0; i < layer.cells.size(); ++i) {
        bool isReversed = layer.direction == Direction::Reversed || i == 1;
        Elements output = interpretCell(cells[cell++], below, isReversed);
        merged = i == 0                                  ? output
                 : layer.direction == Direction::BothSum ? sum(merged, output)
                                                         : concatenate(merged, output);
      }
      below = layer.isResidual ? sum(merged, below) : merged;
    }
    return below;
  }

  std::vector<LayerOfNetwork> layers;
  int64_t T, N, outputs = 0;
  std::vector<int64_t> lengths;
  std::vector<CellOfNetwork> cells;
  Elements x, dy;

private:
  int64_t lengthOf(int64_t n) const { return lengths.empty() ? T : lengths[n]; }

  Elements draw(int64_t count) {
    Elements elements(static_cast<size_t>(count));
    for (double &element : elements)
      element = static_cast<double>(engine() >> 11) * 0x1p-52 - 1;
    return elements;
  }

  void addCell(const std::string &name, int64_t I, int64_t H) {
    CellOfNetwork result{cellByName(name), nullptr, {}, {}, {}};
    REQUIRE(bindTo(result.cell, sizesFor(result.cell.cell(), I, H, H)));
    CompileOptions options;
    options.isDouble = true;
    result.kernel = std::make_unique<CompiledKernel>(
        compileCell(result.cell.cell(), result.cell.bound, options));
    GradcheckOptions numbers;
    numbers.sequences = N;
    numbers.seed = engine();
    SequenceInput input = makeRandomInput(result.cell.cell(), result.cell.bound, numbers, true);
    result.params = input.params;
    result.firstStates = input.firstStates;
    for (const Elements &state : input.firstStates)
      result.finalAdjoints.push_back(draw(static_cast<int64_t>(state.size())));
    cells.push_back(std::move(result));
  }

  Elements interpretCell(const CellOfNetwork &entry, const Elements &below, bool isReversed) {
    SequenceInput input;
    input.steps = T;
    input.sequences = N;
    input.lengths = lengths;
    input.inputs = {isReversed ? reversed(below) : below};
    input.params = entry.params;
    input.firstStates = entry.firstStates;
    SequenceResult result = interpretSequence(entry.cell.cell(), entry.cell.bound, input);
    for (size_t s = 0; s < result.finalStates.size(); ++s)
      for (size_t i = 0; i < result.finalStates[s].size(); ++i)
        finalLoss += result.finalStates[s][i] * entry.finalAdjoints[s][i];
    return isReversed ? reversed(result.output) : result.output;
  }

  Elements reversed(const Elements &series) const {
    Elements result(series.size(), 0.0);
    auto columns = static_cast<int64_t>(series.size()) / (T * N);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t t = 0; t < lengthOf(n); ++t)
        std::copy_n(series.begin() + ((lengthOf(n) - 1 - t) * N + n) * columns, columns,
                    result.begin() + (t * N + n) * columns);
    return result;
  }
  static Elements sum(const Elements &a, const Elements &b) {
    Elements result = a;
    for (size_t i = 0; i < b.size(); ++i)
      result[i] += b[i];
    return result;
  }
  Elements concatenate(const Elements &a, const Elements &b) const {
    Elements result;
    auto of = [&](const Elements &series) { return static_cast<int64_t>(series.size()) / (T * N); };
    for (int64_t row = 0; row < T * N; ++row) {
      result.insert(result.end(), a.begin() + row * of(a), a.begin() + (row + 1) * of(a));
      result.insert(result.end(), b.begin() + row * of(b), b.begin() + (row + 1) * of(b));
    }
    return result;
  }

  std::mt19937_64 engine{17};
  double finalLoss = 0;
};

/// What the runtime's network gives for it.
struct NetworkResult {
  Elements y, dx;
  std::vector<std::vector<Elements>> params, firstStates; // gradients, by cell

  bool operator==(const NetworkResult &) const = default;
};

NetworkResult runNetwork(const TestNetwork &given, int threads) {
  std::vector<LayerSpec> specs;
  size_t next = 0;
  for (const LayerOfNetwork &layer : given.layers) {
    LayerSpec spec;
    spec.cell = &given.cells[next++].kernel->kernel();
    spec.reversedCell = layer.cells.size() == 2 ? &given.cells[next++].kernel->kernel() : nullptr;
    spec.direction = layer.direction;
    spec.isResidual = layer.isResidual;
    specs.push_back(spec);
  }
  ThreadPool pool(threads);
  Network network(specs, pool);
  Format format = network.format();
  Batch batch = makeBatch(given.T, given.N, given.lengths);
  int64_t rows = given.T * given.N;
  auto columns = static_cast<int64_t>(given.x.size()) / rows;
  Series x, dx, dy;
  x.resize(format, rows, columns);
  dx.resize(format, rows, columns);
  dy.resize(format, rows, given.outputs);
  readSteps(given.x.data(), batch, x.view());
  readSteps(given.dy.data(), batch, dy.view());
  NetworkForward forward;
  forward.batch = batch;
  forward.input = x.view();
  forward.isTraining = true;
  NetworkBackward backward;
  backward.outputAdjoint = dy.view();
  backward.inputAdjoint = dx.view();
  NetworkResult result;
  for (size_t i = 0; i < given.cells.size(); ++i) {
    const CellOfNetwork &cell = given.cells[i];
    std::vector<const void *> params, states, finals;
    for (const Elements &param : cell.params)
      params.push_back(param.data());
    for (const Elements &state : cell.firstStates)
      states.push_back(state.data());
    for (const Elements &adjoint : cell.finalAdjoints)
      finals.push_back(adjoint.data());
    network.cell(static_cast<int>(i)).setParams(params);
    forward.initialStates.push_back(states);
    backward.finalAdjoints.push_back(finals);
    result.params.push_back(cell.params);
    result.firstStates.push_back(cell.firstStates);
  }
  for (size_t i = 0; i < given.cells.size(); ++i) {
    backward.paramGradients.emplace_back();
    backward.initialAdjoints.emplace_back();
    for (Elements &param : result.params[i])
      backward.paramGradients[i].push_back(param.data());
    for (Elements &state : result.firstStates[i])
      backward.initialAdjoints[i].push_back(state.data());
  }
  network.forward(forward);
  network.backward(backward);
  result.y.resize(given.dy.size());
  result.dx.resize(given.x.size());
  writeSteps(network.output(), batch, result.y.data());
  writeSteps(dx.view(), batch, result.dx.data());
  return result;
}

/// Compares a gradient with the difference along one direction.
void checkAlong(TestNetwork &network, Elements &numbers, const Elements &gradient,
                const std::string &what) {
  std::mt19937_64 engine(numbers.size());
  Elements before = numbers, direction(numbers.size());
  double expected = 0, norm = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    direction[i] = static_cast<double>(engine() >> 11) * 0x1p-52 - 1;
    expected += direction[i] * gradient[i];
    norm += direction[i] * direction[i] * gradient[i] * gradient[i];
  }
  auto lossAt = [&](double distance) {
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = before[i] + distance * direction[i];
    return network.loss();
  };
  constexpr double kWidth = 1e-4; // of fourth order: Abramowitz & Stegun 1964, 25.3.6
  double found =
      (8 * (lossAt(kWidth) - lossAt(-kWidth)) - (lossAt(2 * kWidth) - lossAt(-2 * kWidth))) /
      (12 * kWidth);
  numbers = before;
  CHECK_MESSAGE(std::abs(found - expected) <= 1e-7 * std::max(1.0, std::sqrt(norm)), what, ": ",
                expected, ", difference ", found);
}

void checkNetwork(TestNetwork network) {
  NetworkResult found = runNetwork(network, 1);
  Elements y = network.interpret();
  for (int64_t t = 0; t < network.T; ++t)
    for (int64_t n = 0; n < network.N; ++n)
      for (int64_t i = 0; i < network.outputs; ++i) {
        bool isWithin = network.lengths.empty() || t < network.lengths[n];
        size_t at = static_cast<size_t>((t * network.N + n) * network.outputs + i);
        CHECK(std::abs(found.y[at] - (isWithin ? y[at] : 0)) <= 1e-12);
      }
  checkAlong(network, network.x, found.dx, "x");
  for (size_t i = 0; i < network.cells.size(); ++i) {
    CellOfNetwork &cell = network.cells[i];
    for (size_t p = 0; p < cell.params.size(); ++p)
      checkAlong(network, cell.params[p], found.params[i][p],
                 std::to_string(i) + " " +
                     std::string(std::string_view(cell.cell.cell().params[p].name)));
    for (size_t s = 0; s < cell.firstStates.size(); ++s)
      checkAlong(network, cell.firstStates[s], found.firstStates[i][s],
                 std::to_string(i) + " " +
                     std::string(std::string_view(cell.cell.cell().states[s].name)));
  }
  for (int threads : {2, 3, 5})
    CHECK(runNetwork(network, threads) == found);
}

} // namespace

TEST_CASE("a deep network of different cells in both directions") {
  using enum Direction;
  const std::vector<LayerOfNetwork> layers = {
      {BothConcat, false, {"lstm", "gru"}, 5},
      {BothSum, false, {"mgu", "lstm_peephole"}, 7},
      {Reversed, true, {"mut1"}, 7},
      {Forward, true, {"layer_norm_lstm"}, 7},
      {BothConcat, false, {"elman", "lstm_projection"}, 6},
  };
  checkNetwork({layers, 3, 6, 4, {}});
  checkNetwork({layers, 3, 6, 4, {2, 6, 0, 5}});
}

TEST_CASE("layers of one cell each, with residual connections, over several blocks") {
  using enum Direction;
  checkNetwork({{{Forward, false, {"gru"}, 17}, {Forward, true, {"gru"}, 17}}, 3, 11, 40, {}});
}

} // namespace cellwright
