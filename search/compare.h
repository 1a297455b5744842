// A fair comparison of cells on a task: as many parameters for each, the same hyperparameters tried
// for each, then several seeds with the best of them. What one gets wrong: hyperparameters are
// chosen on one part of the task with a seed of their own, and what is reported is another part
// with other seeds.
#pragma once

#include "search/run_trial.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

struct ComparedCell {
  std::string name; // as the user calls it
  std::string text;
};

struct CompareOptions {
  std::string task;
  int64_t budget = 50'000; // parameters of the whole model, at most
  int64_t layers = 1;
  int64_t seeds = 5;   // runs with the hyperparameters that were chosen
  int64_t tuning = 10; // hyperparameters that are tried
  int64_t updates = 1000;
  uint64_t seed = 1; // of everything
  CompileOptions compile;
  int threads = 1;
  /// Told of each update: how many of all are done, and what is being trained.
  std::function<void(int64_t done, int64_t all, const std::string &what)> progress = {};
};

/// The hyperparameters of a comparison, the same for all cells: learning rates are log-uniform from
/// 3e-4 to 3e-2, scales of first values and limits of the gradient's norm are those of Jozefowicz
/// et al. 2015, section 3.3. The first one is the middle of all.
std::vector<HyperParameters> tuningOf(const CompareOptions &options);

/// What came of one cell.
struct CellOutcome {
  std::string name;
  int64_t hidden = 0;
  std::vector<TrialResult> tuning; // in the order of `tuningOf`
  HyperParameters chosen;          // the first of the tuning if all of it diverged
  std::vector<TrialResult> runs;   // by seed; none if all of the tuning diverged
  /// By seed: the test's score, or chance if the run diverged or there was none.
  std::vector<double> scores;
  double mean = 0, deviation = 0;
  double p = 1; // against the best cell, see statistics.h; 1 of itself

  /// False if all of the tuning diverged. Then nothing more is trained: each seed counts as a run
  /// that diverged.
  bool isTrainable() const;
  int64_t diverged() const; // seeds
};

struct CompareResult {
  CompareOptions options;
  MetricInfo metric;
  double chance = 0;              // of the test
  std::vector<CellOutcome> cells; // in the order given
  size_t best = 0;                // of `cells`
};

/// Trains all of it. Everything but times follows from the options. Throws Error if a cell is
/// wrong or no size of it is in the budget.
CompareResult compareCells(const std::vector<ComparedCell> &cells, const CompareOptions &options);

} // namespace cellwright
