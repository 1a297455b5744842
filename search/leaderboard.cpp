// See leaderboard.h.
#include "search/leaderboard.h"

#include "search/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

/// Whether a trial says that its setting fails with its seed; that its workers were killed does
/// not.
static bool isFailure(const TrialRecord &record) {
  if (record.state == TrialState::Failed)
    return record.result.status != TrialStatus::Lost;
  return record.state == TrialState::Done && !std::isfinite(record.result.quality);
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
  bool hasFailed = isFailure(record);
  group.failures += hasFailed || record.state == TrialState::Failed;
  if (!hasFailed && record.state != TrialState::Done)
    return;
  // A trial that failed has done fewer updates than it should.
  int64_t updates = hasFailed ? record.spec.updates : record.result.updates;
  Runs &runs = group.runs[{record.spec.hyper, updates}];
  uint64_t seed = record.spec.seed;
  // The same seed gives the same once more, which says nothing new.
  bool isNew = std::none_of(runs.good.begin(), runs.good.end(),
                            [&](const Run &run) { return run.seed == seed; });
  if (!isNew)
    return;
  if (hasFailed) {
    runs.failedSeeds.insert(seed);
    return;
  }
  // It failed for want of time or memory that it has now had.
  runs.failedSeeds.erase(seed);
  runs.good.push_back({record.number, seed, record.result});
  runs.good.back().result.reason.clear();
  group.qualities.push_back(record.result.quality);
}

int64_t CellGroups::firstTrial(int64_t trial) const {
  auto known = byTrial.find(trial);
  return known == byTrial.end() ? trial : groups[known->second].first;
}

//===-- Ranking -------------------------------------------------------------------------------===//

double CellGroups::worstQuality() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double worst = config.objectives.at(0).isMaximized ? kInfinity : -kInfinity;
  for (const Group &group : groups)
    for (double quality : group.qualities)
      worst = isBetter(quality, worst) ? worst : quality;
  return worst;
}

RankedCell CellGroups::summarize(const Group &group, double worst) const {
  RankedCell cell;
  cell.trial = group.first;
  cell.trials = static_cast<int64_t>(group.qualities.size());
  cell.meanOfTrials = meanOf(group.qualities);
  cell.deviationOfTrials = deviationOf(group.qualities);
  cell.failures = group.failures;
  for (const auto &[setting, runs] : group.runs) {
    if (runs.good.empty())
      continue;
    std::vector<double> qualities, times;
    for (const Run &run : runs.good) {
      qualities.push_back(run.result.quality);
      times.push_back(run.result.stepSeconds);
    }
    double deviation = deviationOf(qualities);
    qualities.insert(qualities.end(), runs.failedSeeds.size(), worst);
    double mean = meanOf(qualities);
    if (!cell.runs.empty() && !isBetter(mean, cell.mean.quality))
      continue;
    cell.mean = runs.good.front().result; // size and updates are the same for all
    cell.mean.quality = mean;
    cell.mean.stepSeconds = meanOf(times);
    cell.deviation = deviation;
    cell.hyper = setting.first;
    cell.failedSeeds = std::ssize(runs.failedSeeds);
    cell.runs.clear();
    for (const Run &run : runs.good)
      cell.runs.push_back(run.trial);
  }
  return cell;
}

std::vector<RankedCell> CellGroups::rank() const {
  std::vector<RankedCell> cells;
  double worst = worstQuality();
  for (const Group &group : groups)
    if (!group.qualities.empty())
      cells.push_back(summarize(group, worst));
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
