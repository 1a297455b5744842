// See cell_bench.h.
#include "bench/cell_bench.h"

#include "bench/benched_layer.h"
#include "bench/benched_step.h"
#include "bench/peer.h"
#include "bench/run_path.h"
#include "codegen/gradcheck.h"
#include "codegen/plan.h"
#include "runtime/clock.h"
#include "runtime/error.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>
#include <stdlib.h>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kPeerDifference = 1e-3; // f32, hundreds of steps

struct PassRow {
  Pass pass;
  std::string_view name;
};
constexpr PassRow kPasses[] = {
    {Pass::Forward, "forward"},         {Pass::ForwardTape, "forward, keeping the tape"},
    {Pass::Both, "forward + backward"}, {Pass::BothLimited, "forward + backward, 1/10 tape"},
    {Pass::Compile, "compile"},         {Pass::Load, "load from the cache"},
    {Pass::Update, "update"},           {Pass::Step, "step"}};

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

/// What a step costs that is made for itself.
StepCost wholeStep(const CellCost &cost) {
  StepCost step = cost.forward;
  step.coreFlops = cost.forward.flops();
  step.batchedFlops = step.weightBytes = 0;
  for (const PhaseCost &phase : cost.phases)
    step.weightBytes += phase.isBackward ? 0 : phase.weightBytes;
  return step;
}

/// The part of the steps that are not padding: what the products are done for.
double usefulPart(const CellBenchOptions &options) {
  if (options.lengths.empty())
    return 1;
  auto steps = std::accumulate(options.lengths.begin(), options.lengths.end(), int64_t{0});
  return static_cast<double>(steps) / static_cast<double>(options.steps * options.sequences);
}

/// A cell's benchmark while it grows: rows, and the piece of work of each.
class CellBench {
public:
  CellBench(const Cell &cell, const Bound &bound, const CompileOptions &compile,
            const CellBenchOptions &options, const Machine &machine)
      : cell(cell), bound(bound), compile(compile), options(options), machine(machine),
        cost(measureCost(cell, bound, compile)) {}

  std::vector<BenchRow> run();

private:
  void add(const std::string &implementation, Pass pass, std::function<void()> piece);
  void addPeers(const SequenceInput &input);
  void addOurs(Pass pass, const CompiledKernel &kernel, const SequenceInput &input);
  MachineSpeed speedFor(double weightBytes) const;
  void describe(BenchRow &row);
  void describeStep(BenchRow &row) const;
  void describeOurs(BenchRow &row, const cellwright_kernel &kernel);

  const Cell &cell;
  const Bound &bound;
  const CompileOptions &compile;
  const CellBenchOptions &options;
  const Machine &machine;
  CellCost cost;
  MachineSpeed forwardSpeed, backwardSpeed, stepSpeed;
  std::optional<BenchedLayer> layer;
  std::optional<BenchedStep> step;
  std::optional<BenchedLayer> whole;   // all sequences of all steps, for comparison
  std::optional<BenchedLayer> limited; // a tenth of the tape: a layer keeps the memory of its plan
  std::vector<RunningPeer> peers;
  std::vector<BenchRow> rows;
  std::vector<std::function<void()>> pieces;
};

void CellBench::add(const std::string &implementation, Pass pass, std::function<void()> piece) {
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
}

void CellBench::addPeers(const SequenceInput &input) {
  layer->run(Pass::Forward);
  peers = startPeers(cell, bound, input, layer->output(), options.threads);
  for (const RunningPeer &peer : peers)
    for (Pass pass : options.passes) {
      if (pass == Pass::Forward)
        add(peer.name, pass, [&peer] { peer.peer->runForward(); });
      else if (pass == Pass::Both && peer.peer->hasBackward())
        add(peer.name, pass, [&peer] { peer.peer->runBoth(); });
      else if (pass == Pass::Step && peer.peer->hasStep())
        add(peer.name, pass, [&peer] { peer.peer->runStep(); });
    }
}

void CellBench::addOurs(Pass pass, const CompiledKernel &kernel, const SequenceInput &input) {
  if (pass == Pass::Step) {
    step.emplace(cell, bound, compile, input);
    return add("cellwright", pass, [this] { step->run(); });
  }
  BenchedLayer &runner =
      pass == Pass::BothLimited ? limited.emplace(kernel, input, options.threads) : *layer;
  add("cellwright", pass, [&runner, pass] { runner.run(pass); });
}

/// The machine's speed for a recurrence that reads so many bytes a step.
MachineSpeed CellBench::speedFor(double weightBytes) const {
  auto bytes = static_cast<int64_t>(weightBytes);
  double bandwidth =
      bytes > 0 ? measureReadBandwidth(bytes, options.threads) : machine.levels.front().bandwidth;
  return {machine.peak(compile.isDouble, options.threads > 1), bandwidth,
          machine.multiplyAddSeconds};
}

/// What is the same for all implementations.
void CellBench::describe(BenchRow &row) {
  bool isBoth = row.pass == nameOf(Pass::Both) || row.pass == nameOf(Pass::BothLimited);
  auto steps = static_cast<double>(options.steps);
  row.peakFlops = forwardSpeed.peakFlops;
  row.flops = (isBoth ? 3 : 1) * cost.forward.flops() * steps *
              static_cast<double>(options.sequences) * usefulPart(options);
  if (!options.lengths.empty())
    return;
  if (row.pass == nameOf(Pass::Step))
    return describeStep(row);
  StepBound forward = boundOf(cost.forward, forwardSpeed, options.sequences);
  StepBound backward = boundOf(cost.backward, backwardSpeed, options.sequences);
  row.bound = steps * (forward.seconds() + (isBoth ? backward.seconds() : 0));
  row.limit = isBoth && backward.seconds() > forward.seconds() ? backward.limit() : forward.limit();
}

/// A step reads the weights of its inputs too, which a batch of steps does at once.
void CellBench::describeStep(BenchRow &row) const {
  StepBound step = boundOf(wholeStep(cost), stepSpeed, 1);
  row.bound = step.seconds();
  row.limit = step.limit();
}

void CellBench::describeOurs(BenchRow &row, const cellwright_kernel &kernel) {
  bool isStep = row.pass == nameOf(Pass::Step);
  row.weightBytes = isStep ? wholeStep(cost).weightBytes : cost.forward.weightBytes;
  row.level = machine.levelFor(static_cast<int64_t>(row.weightBytes), options.threads > 1).name;
  row.weightBandwidth = (isStep ? stepSpeed : forwardSpeed).weightBandwidth;
  if (isStep) {
    row.path = "a function of its own";
    return;
  }
  row.tapeBytes = cost.tapeBytes;
  RunSituation situation{options.sequences,
                         options.threads,
                         layer->dividesColumns(CELLWRIGHT_FORWARD_CORE),
                         layer->dividesColumns(CELLWRIGHT_BACKWARD_CORE),
                         !options.lengths.empty(),
                         row.pass == nameOf(Pass::Both)};
  RunPath path = describePath(kernel, cost, situation);
  row.path = std::move(path.text);
  row.slow = std::move(path.slow);
}

std::vector<BenchRow> CellBench::run() {
  auto start = Clock::now();
  CompiledKernel kernel = compileCell(cell, bound, compile);
  double compileSeconds = secondsSince(start);
  GradcheckOptions numbers;
  numbers.steps = options.steps;
  numbers.sequences = options.sequences;
  SequenceInput input = makeRandomInput(cell, bound, numbers, compile.isDouble);
  for (Elements &state : input.firstStates)
    state.clear();
  if (!options.lengths.empty())
    whole.emplace(kernel, input, options.threads);
  input.lengths = options.lengths;
  layer.emplace(kernel, input, options.threads);
  for (Pass pass : options.passes)
    if (pass != Pass::Step || options.threads == 1)
      addOurs(pass, kernel, input);
  size_t ours = rows.size();
  if (options.hasPeers && !compile.isDouble && options.lengths.empty())
    addPeers(input);
  if (options.hasPhases)
    rows[ours - 1].phases = layer->measurePhases(options.passes.back());
  if (whole)
    for (Pass pass : options.passes)
      pieces.push_back([this, pass] { whole->run(pass); });

  forwardSpeed = speedFor(cost.forward.weightBytes);
  backwardSpeed = cost.backward.weightBytes == cost.forward.weightBytes
                      ? forwardSpeed
                      : speedFor(cost.backward.weightBytes);
  if (step)
    stepSpeed = speedFor(wholeStep(cost).weightBytes);
  double roundTrip = measureRoundTrip(options.threads);
  PeakWork peak(compile.isDouble, options.threads);
  pieces.push_back([&peak] { peak.run(); });
  std::vector<Timing> timings = measureInTurn(pieces, options.seconds, options.threads > 1);
  forwardSpeed.peakFlops = backwardSpeed.peakFlops = stepSpeed.peakFlops =
      peak.flops() / timings.back().median;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].timing = timings[i];
    rows[i].roundTripSeconds = roundTrip;
    describe(rows[i]);
    if (i >= ours)
      continue;
    describeOurs(rows[i], kernel.kernel());
    rows[i].compileSeconds = compileSeconds;
    if (whole)
      rows[i].usefulSeconds = timings[rows.size() + i].median * usefulPart(options);
  }
  return std::move(rows);
}

/// A folder that goes with the object.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cellwright-XXXXXX").string();
    CELLWRIGHT_CHECK(mkdtemp(pattern.data()), "cannot make a folder `{}` for a cache of kernels",
                     pattern);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::filesystem::path path;
};

} // namespace

std::string_view nameOf(Pass pass) {
  for (const PassRow &row : kPasses)
    if (row.pass == pass)
      return row.name;
  return "";
}

std::vector<BenchRow> benchCell(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                                const CellBenchOptions &options, const Machine &machine) {
  return CellBench(cell, bound, compile, options, machine).run();
}

std::vector<BenchRow> benchCompile(const Cell &cell, const Bound &bound,
                                   const CompileOptions &compile, std::span<const int64_t> steps,
                                   double seconds) {
  TemporaryFolder folder;
  CompileOptions uncached = compile, cached = compile;
  uncached.cacheDirectory.clear();
  cached.cacheDirectory = folder.path.string();
  std::vector<BenchRow> rows;
  std::vector<std::function<void()>> pieces;
  for (int64_t T : steps)
    for (Pass pass : {Pass::Compile, Pass::Load}) {
      BenchRow row;
      row.cell = std::string(std::string_view(cell.name));
      row.implementation = "cellwright";
      row.I = sizeOf(cell, bound, "I");
      row.H = sizeOf(cell, bound, "H");
      row.N = 1;
      row.T = T;
      row.isDouble = compile.isDouble;
      row.pass = nameOf(pass);
      rows.push_back(std::move(row));
      pieces.push_back([&cell, &bound, &options = pass == Pass::Compile ? uncached : cached] {
        CompiledKernel kernel = compileCell(cell, bound, options);
      });
    }
  std::vector<Timing> timings = measureInTurn(pieces, seconds);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].timing = timings[i];
  return rows;
}

} // namespace cellwright
