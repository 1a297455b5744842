// The cells of a study, the best first. What one gets wrong: what a cell reached depends on its
// hyperparameters and on how long it was trained, so its quality is the mean over the seeds of its
// best setting of both, seeds that failed as the worst of the study, and there is often one seed
// only.
#pragma once

#include "search/store.h"
#include "search/study.h"

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cellwright {

/// An architecture with what came of it on the study's task.
struct RankedCell {
  int64_t trial = 0;         // the first that tried it
  std::vector<int64_t> runs; // trials with its best setting, one for each seed that gave a quality
  int64_t failedSeeds = 0;   // of that setting: those that gave none
  HyperParameters hyper;     // that setting
  TrialResult mean;          // of the runs: quality, updates, size and cost; in the quality each
                             // failed seed counts as the worst that the study has seen
  double deviation = 0;      // standard deviation of the runs' quality; 0 of a single one
  int64_t trials = 0;        // that gave a quality, with any setting
  double meanOfTrials = 0;
  double deviationOfTrials = 0;
  int64_t failures = 0; // trials that gave none, with any setting

  int64_t seeds() const { return static_cast<int64_t>(runs.size()); }
};

/// Puts trials together that are of the same architecture: one repeats the other, or both have the
/// same hash.
class CellGroups {
public:
  explicit CellGroups(StudyConfig config) : config(std::move(config)) {}

  /// Takes the trials in the order of their numbers.
  void add(const StoredTrial &trial);

  /// The cells with a quality on the study's task, the best first; of equals the older one.
  std::vector<RankedCell> rank() const;

  /// The first trial of a trial's architecture; itself if it is not known.
  int64_t firstTrial(int64_t trial) const;

private:
  /// Hyperparameters and updates.
  using Setting = std::pair<HyperParameters, int64_t>;
  struct Run {
    int64_t trial;
    uint64_t seed;
    TrialResult result; // without texts
  };
  struct Runs {
    std::vector<Run> good;
    std::set<uint64_t> failedSeeds; // without those of good ones
  };
  struct Group {
    int64_t first = 0;
    std::map<Setting, Runs> runs;
    std::vector<double> qualities; // of all of them
    int64_t failures = 0;
  };

  size_t groupOf(const StoredTrial &trial);
  bool isBetter(double a, double b) const {
    return config.objectives.at(0).isMaximized ? a > b : a < b;
  }
  double worstQuality() const;
  RankedCell summarize(const Group &group, double worst) const;

  StudyConfig config;
  std::vector<Group> groups;
  std::unordered_map<int64_t, size_t> byTrial;
  std::unordered_map<std::string, size_t> byHash;
};

/// The cells of a study, the best first.
std::vector<RankedCell> rankCells(const Store &store);

/// How sure a ranking is.
struct RankingCertainty {
  int64_t repeated = 0; // cells whose best setting has several seeds
  double deviation = 0; // of quality over seeds, of all of them together; 0 if there are none
  int64_t close = 0;    // cells that are within two standard errors of the best
};
/// Of all cells or of the first ones.
RankingCertainty certaintyOf(const std::vector<RankedCell> &cells);

} // namespace cellwright
