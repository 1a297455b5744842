// See run_path.h.
#include "bench/run_path.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace cellwright {

namespace {

/// A phase as the schedule has it and as the kernel has it.
struct Phase {
  const PhaseCost *cost;
  const cellwright_phase_info *info;
};

bool isOfGradients(int32_t stage) {
  return stage == CELLWRIGHT_PREPARE || stage == CELLWRIGHT_GRADIENT ||
         stage == CELLWRIGHT_GRADIENT_SEQUENCE || stage == CELLWRIGHT_FINISH;
}

/// Emission keeps the order of the schedule's phases and adds those of gradients around them.
std::vector<Phase> pairPhases(const cellwright_kernel &kernel, const CellCost &cost) {
  std::vector<Phase> pairs;
  for (int i = 0; i < kernel.phase_count; ++i)
    if (!isOfGradients(kernel.phases[i].stage) && pairs.size() < cost.phases.size())
      pairs.push_back({&cost.phases[pairs.size()], &kernel.phases[i]});
  return pairs;
}

std::string loopText(const PhaseCost &phase, int64_t rows) {
  switch (phase.loop) {
  case PhaseLoop::Tiles:
    return fmt::format("tiles {}x{}", std::min<int64_t>(phase.tileRows, rows), phase.tileVectors);
  case PhaseLoop::Rows:
    return "rows";
  case PhaseLoop::Panels:
    return "panels";
  }
  return "";
}

std::string directionText(const std::vector<Phase> &phases, bool isBackward, int64_t rows) {
  std::vector<std::string> loops;
  for (const Phase &phase : phases)
    if (phase.cost->isStepwise && phase.cost->isBackward == isBackward)
      loops.push_back(loopText(*phase.cost, rows));
  return loops.empty() ? "no recurrence" : fmt::format("{}", fmt::join(loops, ", "));
}

/// Why a phase is slow, as what follows its name; empty if it is not.
std::string_view slowness(const Phase &phase, const RunSituation &situation) {
  if (!phase.cost->isStepwise)
    return phase.info->per_step
               ? "step by step: for what a sequence has once, or for random numbers"
               : "";
  if (phase.cost->loop == PhaseLoop::Rows)
    return "adding up along each row in every step: not divided by columns, and each sum is waited "
           "for";
  bool isByColumns = phase.cost->isBackward ? situation.dividesBackward : situation.dividesForward;
  return isByColumns && phase.info->tiles == 1 ? "a single tile: one thread does it, others wait"
                                               : "";
}

/// A sentence for each reason, with the phases that have it.
std::vector<std::string> slowPhases(const std::vector<Phase> &phases,
                                    const RunSituation &situation) {
  std::map<std::string_view, std::vector<std::string>> names;
  for (const Phase &phase : phases) {
    std::string_view reason = slowness(phase, situation);
    if (!reason.empty() && (situation.isBoth || !phase.cost->isBackward))
      names[reason].push_back(fmt::format("`{}`", phase.info->name));
  }
  std::vector<std::string> slow;
  for (const auto &[reason, list] : names)
    slow.push_back(fmt::format("{}: {}", fmt::join(list, ", "), reason));
  return slow;
}

} // namespace

RunPath describePath(const cellwright_kernel &kernel, const CellCost &cost,
                     const RunSituation &situation) {
  std::vector<Phase> phases = pairPhases(kernel, cost);
  RunPath path;
  int64_t rows = situation.sequences;
  bool isByRows = situation.threads > 1 && !situation.dividesForward;
  if (isByRows)
    rows = (rows + situation.threads - 1) / situation.threads;
  path.text = "forward " + directionText(phases, false, rows);
  if (situation.isBoth)
    path.text += "; backward " + directionText(phases, true, rows);
  if (situation.threads > 1) {
    auto divided = [](bool isByColumns) { return isByColumns ? "columns" : "rows"; };
    path.text += fmt::format("; threads divide {}", divided(situation.dividesForward));
    if (situation.isBoth && situation.dividesForward != situation.dividesBackward)
      path.text += fmt::format(" forward, {} backward", divided(situation.dividesBackward));
  }
  path.slow = slowPhases(phases, situation);
  if (isByRows && situation.sequences < situation.threads)
    path.slow.push_back(fmt::format("{} threads have no row: there are {} sequences",
                                    situation.threads - situation.sequences, situation.sequences));
  if (situation.isRagged)
    path.slow.push_back("blocks in which a sequence ends run step by step");
  return path;
}

} // namespace cellwright
