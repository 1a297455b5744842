// See cell_bench.h.
#include "bench/cell_bench.h"

#include "bench/peer.h"
#include "codegen/gradcheck.h"
#include "codegen/plan.h"
#include "runtime/error.h"
#include "runtime/layer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kPeerDifference = 1e-3; // f32, hundreds of steps

struct PassRow {
  Pass pass;
  std::string_view name;
};
constexpr PassRow kPasses[] = {{Pass::Forward, "forward"},
                               {Pass::ForwardTape, "forward, keeping the tape"},
                               {Pass::Both, "forward + backward"}};

/// A layer and the arguments of its calls, with their memory.
class BenchedLayer {
public:
  BenchedLayer(const CompiledKernel &kernel, const SequenceInput &input, int threads)
      : kernel(kernel.kernel()), pool(threads), layer(kernel.kernel(), pool),
        format(layer.format()) {
    int64_t rows = input.steps * input.sequences;
    forward.batch = makeBatch(input.steps, input.sequences, input.lengths);
    readParams(input);
    inputs.resize(this->kernel.input_count);
    inputAdjoints.resize(this->kernel.input_count);
    for (int i = 0; i < this->kernel.input_count; ++i) {
      const cellwright_vector_info &info = this->kernel.inputs[i];
      int64_t count = info.per_sequence ? input.sequences : rows;
      fill(inputs[i], count, info.size, input.inputs[i]);
      inputAdjoints[i].resize(format, count, info.size);
      forward.inputs.push_back(inputs[i].view());
      backward.inputAdjoints.push_back(inputAdjoints[i].view());
    }
    int64_t outputSize = this->kernel.output_size;
    outputAdjoint.resize(format, rows, outputSize);
    fill(outputAdjoint, rows, outputSize, Elements(rows * outputSize, 0.01));
    backward.outputAdjoint = outputAdjoint.view();
    for (int s = 0; s < this->kernel.state_count; ++s) {
      initialAdjoints.emplace_back(input.sequences * this->kernel.states[s].size *
                                   format.elementBytes());
      backward.initialAdjoints.push_back(initialAdjoints.back().data());
    }
  }

  void run(Pass pass) {
    forward.keepsTape = pass != Pass::Forward;
    layer.forward(forward);
    if (pass == Pass::Both)
      layer.backward(backward);
  }

  /// Where the time of a run goes; the shortest of some runs, phase by phase.
  std::vector<PhaseRow> measurePhases(Pass pass) {
    constexpr int kRuns = 10;
    std::vector<PhaseRow> rows(kernel.phase_count);
    for (int turn = 0; turn < kRuns; ++turn) {
      std::vector<PhaseTime> times;
      layer.measurePhases(&times);
      run(pass);
      layer.measurePhases(nullptr);
      for (int i = 0; i < kernel.phase_count; ++i) {
        bool isBetter = turn == 0 || times[i].seconds < rows[i].seconds;
        rows[i] = {kernel.phases[i].name, times[i].calls,
                   isBetter ? times[i].seconds : rows[i].seconds};
      }
    }
    return rows;
  }

  /// Output of the last forward run, [T, N, d].
  Elements output() const {
    SeriesView view = layer.output();
    std::vector<std::byte> bytes(view.rows * view.columns * format.elementBytes());
    writeSteps(view, forward.batch, bytes.data());
    if (format.type == CELLWRIGHT_F64) {
      auto data = reinterpret_cast<const double *>(bytes.data());
      return Elements(data, data + view.rows * view.columns);
    }
    auto data = reinterpret_cast<const float *>(bytes.data());
    return Elements(data, data + view.rows * view.columns);
  }

private:
  std::vector<std::byte> toBytes(const Elements &elements) const {
    std::vector<std::byte> bytes(elements.size() * format.elementBytes());
    if (format.type == CELLWRIGHT_F64)
      std::copy(elements.begin(), elements.end(), reinterpret_cast<double *>(bytes.data()));
    else
      std::transform(elements.begin(), elements.end(), reinterpret_cast<float *>(bytes.data()),
                     [](double x) { return static_cast<float>(x); });
    return bytes;
  }

  void fill(Series &series, int64_t rows, int64_t columns, const Elements &elements) {
    series.resize(format, rows, columns);
    readSequences(toBytes(elements).data(), Batch{1, rows, {}, {}}, series.view());
  }

  void readParams(const SequenceInput &input) {
    std::vector<const void *> pointers;
    for (const Elements &param : input.params)
      params.push_back(toBytes(param));
    for (size_t i = 0; i < params.size(); ++i) {
      pointers.push_back(params[i].data());
      gradients.emplace_back(params[i].size());
      backward.paramGradients.push_back(kernel.params[i].is_frozen ? nullptr
                                                                   : gradients.back().data());
    }
    layer.setParams(pointers);
  }

  const cellwright_kernel &kernel;
  ThreadPool pool;
  Layer layer;
  Format format;
  ForwardArguments forward;
  BackwardArguments backward;
  std::vector<std::vector<std::byte>> params, gradients, initialAdjoints;
  std::vector<Series> inputs, inputAdjoints;
  Series outputAdjoint;
};

/// A peer that has the cell.
struct RunningPeer {
  std::string name;
  std::unique_ptr<Peer> peer;
};

std::vector<RunningPeer> startPeers(const Cell &cell, const Bound &bound,
                                    const SequenceInput &input, const Elements &ours, int threads) {
  std::vector<RunningPeer> running;
  for (const PeerRow &row : peerRows()) {
    auto peer = row.make(cell, bound, input, threads);
    if (!peer)
      continue;
    peer->runForward();
    Elements theirs = peer->output();
    CELLWRIGHT_CHECK(theirs.size() == ours.size(), "{} gives {} numbers for `{}`, we give {}",
                     row.name, theirs.size(), std::string_view(cell.name), ours.size());
    for (size_t i = 0; i < ours.size(); ++i)
      CELLWRIGHT_CHECK(std::abs(ours[i] - theirs[i]) <= kPeerDifference,
                       "{} and we disagree about `{}`: element {} of the output is {} there and {} "
                       "here; they would not be compared fairly",
                       row.name, std::string_view(cell.name), i, theirs[i], ours[i]);
    running.push_back({row.name, std::move(peer)});
  }
  return running;
}

int64_t sizeOf(const Cell &cell, const Bound &bound, std::string_view name) {
  for (size_t i = 0; i < cell.dimensions.size(); ++i)
    if (cell.dimensions[i].name == name)
      return bound.dimensions[i];
  return 0;
}

/// Steps of all sequences, which the products are done for.
double usefulRows(const CellBenchOptions &options) {
  if (options.lengths.empty())
    return static_cast<double>(options.steps * options.sequences);
  double rows = 0;
  for (int64_t length : options.lengths)
    rows += static_cast<double>(length);
  return rows;
}

} // namespace

std::string_view nameOf(Pass pass) {
  for (const PassRow &row : kPasses)
    if (row.pass == pass)
      return row.name;
  return "";
}

std::vector<BenchRow> benchCell(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                                const CellBenchOptions &options, const Machine &machine) {
  auto start = Clock::now();
  CompiledKernel kernel = compileCell(cell, bound, compile);
  double compileSeconds = std::chrono::duration<double>(Clock::now() - start).count();
  GradcheckOptions numbers;
  numbers.steps = options.steps;
  numbers.sequences = options.sequences;
  SequenceInput input = makeRandomInput(cell, bound, numbers, compile.isDouble);
  input.lengths = options.lengths;
  for (Elements &state : input.firstStates)
    state.clear();
  BenchedLayer layer(kernel, input, options.threads);

  std::vector<BenchRow> rows;
  std::vector<std::function<void()>> pieces;
  auto add = [&](const std::string &implementation, Pass pass, std::function<void()> piece) {
    BenchRow row;
    row.cell = std::string(std::string_view(cell.name));
    row.implementation = implementation;
    row.I = sizeOf(cell, bound, "I");
    row.H = sizeOf(cell, bound, "H");
    row.N = options.sequences;
    row.T = options.steps;
    row.threads = options.threads;
    row.isDouble = compile.isDouble;
    row.pass = nameOf(pass);
    rows.push_back(std::move(row));
    pieces.push_back(std::move(piece));
  };
  for (Pass pass : options.passes)
    add("cellwright", pass, [&layer, pass] { layer.run(pass); });
  std::vector<RunningPeer> peers;
  if (options.hasPeers && !compile.isDouble && options.lengths.empty()) {
    layer.run(Pass::Forward);
    peers = startPeers(cell, bound, input, layer.output(), options.threads);
  }
  for (const RunningPeer &peer : peers)
    for (Pass pass : options.passes) {
      if (pass == Pass::Forward)
        add(peer.name, pass, [&peer] { peer.peer->runForward(); });
      else if (pass == Pass::Both && peer.peer->hasBackward())
        add(peer.name, pass, [&peer] { peer.peer->runBoth(); });
    }

  if (options.hasPhases)
    rows[options.passes.size() - 1].phases = layer.measurePhases(options.passes.back());

  CellCost cost = measureCost(cell, bound, compile);
  bool isAll = options.threads > 1;
  auto weightBytes = static_cast<int64_t>(cost.forward.weightBytes);
  const MemoryLevel &level = machine.levelFor(weightBytes, isAll);
  MachineSpeed speed{machine.peak(compile.isDouble, isAll),
                     isAll ? level.bandwidthOfAll : level.bandwidth, machine.multiplyAddSeconds};
  double forwardBound = boundSeconds(cost.forward, speed, options.steps, options.sequences);
  double backwardBound = boundSeconds(cost.backward, speed, options.steps, options.sequences);
  std::vector<Timing> timings = measureInTurn(pieces, options.seconds);
  for (size_t i = 0; i < rows.size(); ++i) {
    bool isBoth = rows[i].pass == nameOf(Pass::Both);
    rows[i].timing = timings[i];
    rows[i].flops = (isBoth ? 3 : 1) * cost.forward.flops() * usefulRows(options);
    rows[i].bound = options.lengths.empty() ? forwardBound + (isBoth ? backwardBound : 0) : 0;
    if (rows[i].implementation != "cellwright")
      continue;
    rows[i].tapeBytes = cost.tapeBytes;
    rows[i].weightBytes = cost.forward.weightBytes;
    rows[i].compileSeconds = compileSeconds;
  }
  return rows;
}

} // namespace cellwright
