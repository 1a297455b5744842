// See cell_bench.h.
#include "bench/cell_bench.h"

#include "bench/benched_layer.h"
#include "bench/peer.h"
#include "codegen/gradcheck.h"
#include "codegen/plan.h"
#include "runtime/error.h"

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
                               {Pass::Both, "forward + backward"},
                               {Pass::BothLimited, "forward + backward, 1/10 tape"}};

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

MachineSpeed speedFor(const Machine &machine, const CellCost &cost, bool isDouble, bool isAll) {
  auto weightBytes = static_cast<int64_t>(cost.forward.weightBytes);
  const MemoryLevel &level = machine.levelFor(weightBytes, isAll);
  return {machine.peak(isDouble, isAll), isAll ? level.bandwidthOfAll : level.bandwidth,
          machine.multiplyAddSeconds};
}

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
  MachineSpeed speed = speedFor(machine, cost, compile.isDouble, isAll);
  double forwardBound = boundSeconds(cost.forward, speed, options.steps, options.sequences);
  double backwardBound = boundSeconds(cost.backward, speed, options.steps, options.sequences);
  std::vector<Timing> timings = measureInTurn(pieces, options.seconds);
  for (size_t i = 0; i < rows.size(); ++i) {
    bool isBoth = rows[i].pass == nameOf(Pass::Both) || rows[i].pass == nameOf(Pass::BothLimited);
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
