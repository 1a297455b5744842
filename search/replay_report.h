// Strategies compared on recorded curves: what each has found after how many epochs, over many
// seeds. What one gets wrong: a strategy spends the epochs of all its trials, also of those that
// failed; and a promoted trial trains from its beginning, as searches do, so that halving spends
// more than papers say, in which it goes on from where it stopped. Both are counted.
#pragma once

#include "search/replay.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

struct ReplayedStrategy {
  std::string name; // as makeStrategy knows it
  std::map<std::string, double> options;
};

struct ReplayOptions {
  std::vector<ReplayedStrategy> strategies;
  int64_t seeds = 100;
  uint64_t seed = 1;     // the first of them
  int64_t epochs = 1500; // that each search spends
  /// Told of each search that has ended.
  std::function<void(int64_t done, int64_t all)> progress = {};
};

/// What has come of a strategy after 1, 2, ... epochs. At any time a search names the cell with the
/// lowest loss that it has seen at any epoch. Found is the best tenth when that cell is of it,
/// by its loss after the last epoch, which the search need not have seen.
struct ReplayCurve {
  std::vector<double> named;   // share of seeds that name a cell of the best tenth
  std::vector<double> trained; // share that have trained a cell of it to the end
  std::vector<double> rank;    // mean rank of what they name
};

struct ReplayOutcome {
  ReplayedStrategy strategy;
  ReplayCurve anew;      // promoted trials train from their beginning
  ReplayCurve continued; // as if they went on from where they stopped
  bool hasPromoted = false;
};

struct ReplayReport {
  Recording recording;
  ReplayOptions options;
  std::vector<ReplayOutcome> outcomes; // in the order of the strategies
};

/// Runs searches with one worker each, through the same loop and store as all others. Everything
/// follows from the options. Throws Error if a strategy is not known or its options are wrong.
ReplayReport replayStrategies(Recording recording, const ReplayOptions &options);

/// The first number of epochs from which on at least this share of the seeds is there; nothing if
/// there is none.
std::optional<int64_t> epochsUntil(std::span<const double> shares, double share);

} // namespace cellwright
