// See leaderboard.h.
#include "search/leaderboard.h"

#include "search/statistics.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

//===-- Grouping ------------------------------------------------------------------------------===//

size_t CellGroups::groupOf(const StoredTrial &trial) {
  const TrialRecord &record = trial.record;
  if (record.repeats)
    if (auto known = byTrial.find(*record.repeats); known != byTrial.end())
      return known->second;
  if (!trial.hash.empty())
    if (auto known = byHash.find(trial.hash); known != byHash.end())
      return known->second;
  groups.push_back({record.number, {}, {}, 0});
  return groups.size() - 1;
}

void CellGroups::add(const StoredTrial &trial) {
  const TrialRecord &record = trial.record;
  size_t number = groupOf(trial);
  byTrial.emplace(record.number, number);
  if (!trial.hash.empty())
    byHash.emplace(trial.hash, number);
  Group &group = groups[number];
  if (record.spec.task != config.task)
    return;
  group.failures += record.state == TrialState::Failed;
  if (record.state != TrialState::Done || !std::isfinite(record.result.quality))
    return;
  const HyperParameters &hyper = record.spec.hyper;
  std::vector<Run> &runs = group.runs[{hyper.learningRate, hyper.initScale, hyper.clipNorm,
                                       hyper.layers, hyper.hidden, record.result.updates}];
  // The same seed gives the same once more, which says nothing new.
  bool isNew = std::none_of(runs.begin(), runs.end(),
                            [&](const Run &run) { return run.seed == record.spec.seed; });
  if (!isNew)
    return;
  runs.push_back({record.number, record.spec.seed, record.result});
  runs.back().result.reason.clear();
  group.qualities.push_back(record.result.quality);
}

int64_t CellGroups::firstTrial(int64_t trial) const {
  auto known = byTrial.find(trial);
  return known == byTrial.end() ? trial : groups[known->second].first;
}

//===-- Ranking -------------------------------------------------------------------------------===//

RankedCell CellGroups::summarize(const Group &group) const {
  RankedCell cell;
  cell.trial = group.first;
  cell.trials = static_cast<int64_t>(group.qualities.size());
  cell.meanOfTrials = meanOf(group.qualities);
  cell.deviationOfTrials = deviationOf(group.qualities);
  cell.failures = group.failures;
  for (const auto &[setting, runs] : group.runs) {
    std::vector<double> qualities, times;
    for (const Run &run : runs) {
      qualities.push_back(run.result.quality);
      times.push_back(run.result.stepSeconds);
    }
    double mean = meanOf(qualities);
    if (!cell.runs.empty() && !isBetter(mean, cell.mean.quality))
      continue;
    cell.mean = runs.front().result; // size and updates are the same for all
    cell.mean.quality = mean;
    cell.mean.stepSeconds = meanOf(times);
    cell.deviation = deviationOf(qualities);
    const auto &[rate, scale, clip, layers, hidden, updates] = setting;
    cell.hyper = {rate, scale, clip, layers, hidden};
    cell.runs.clear();
    for (const Run &run : runs)
      cell.runs.push_back(run.trial);
  }
  return cell;
}

std::vector<RankedCell> CellGroups::rank() const {
  std::vector<RankedCell> cells;
  for (const Group &group : groups)
    if (!group.runs.empty())
      cells.push_back(summarize(group));
  std::stable_sort(cells.begin(), cells.end(), [&](const RankedCell &a, const RankedCell &b) {
    return isBetter(a.mean.quality, b.mean.quality);
  });
  return cells;
}

std::vector<RankedCell> rankCells(const Store &store) {
  CellGroups groups(parseStudyConfig(store.study().config));
  store.visitTrials([&](const StoredTrial &trial) { groups.add(trial); });
  return groups.rank();
}

//===-- Certainty -----------------------------------------------------------------------------===//

RankingCertainty certaintyOf(const std::vector<RankedCell> &cells) {
  RankingCertainty certainty;
  double squares = 0, freedom = 0;
  for (const RankedCell &cell : cells) {
    auto degrees = static_cast<double>(cell.seeds() - 1);
    certainty.repeated += cell.seeds() > 1;
    squares += degrees * cell.deviation * cell.deviation;
    freedom += degrees;
  }
  if (freedom == 0)
    return certainty;
  certainty.deviation = std::sqrt(squares / freedom);
  const RankedCell &best = cells.front();
  for (const RankedCell &cell : cells) {
    double error = certainty.deviation * std::sqrt(1 / static_cast<double>(best.seeds()) +
                                                   1 / static_cast<double>(cell.seeds()));
    bool isClose = std::abs(cell.mean.quality - best.mean.quality) <= 2 * error;
    certainty.close += isClose && &cell != &best;
  }
  return certainty;
}

} // namespace cellwright
