// The arguments that say what a search is: its space, task, strategy, hyperparameters and limits of
// a trial. What one gets wrong: a study that is there already knows all of it; then they are
// compared with it, or left out.
#pragma once

#include "search/space.h"
#include "search/study.h"
#include "tools/command.h"

#include <map>
#include <string>
#include <vector>

namespace cellwright {

struct SearchArguments {
  std::string space; // empty: the study's
  std::string task;
  std::vector<std::string> moreTasks;
  std::string gate;
  std::string strategy = "evolution";
  std::vector<std::string> options; // NAME=VALUE, of the strategy
  std::vector<std::string> against; // objectives besides quality
  std::string hyper = "adam";       // a name, or a file
  int64_t hidden = 0;               // 0: the hyperparameters'
  int64_t layers = 0;               // 0: the hyperparameters'
  int64_t mostParams = 0;           // 0: no budget
  int64_t updates = 1000;
  int64_t evaluations = 10;
  uint64_t seed = 1;
  std::string filters = "all";
  double trialSeconds = 0;           // 0: no limit
  std::optional<int64_t> trialBytes; // absent: no limit

  void add(CLI::App &app);
  /// Throws UsageError if one of these options was given, those in `allowed` apart; `why` is what
  /// makes it wrong.
  static void refuseGiven(const CLI::App &app, const std::vector<std::string> &allowed,
                          const std::string &why);

  /// Makes the configuration; `made` is of `space`. Throws UsageError and Error, also for what the
  /// strategy, made with such controllers, finds wrong.
  StudyConfig config(const Space &made, const MakeController &makeController) const;
};

/// Adds an option of a strategy, `NAME=NUMBER`, to those that are there. Throws UsageError, in the
/// name of `flag`, if it is none, or has another value already.
void addStrategyOption(const std::string &flag, const std::string &text,
                       std::map<std::string, double> &options);

/// A line for each strategy and each of its options, for help; each begins with its line's end.
std::string listStrategies();
/// The same of each space that has a name.
std::string listSpaces();

/// What a study keeps of a search over cells besides what every search has.
struct CellSearchSettings {
  int64_t mostParams = 0;
  bool looksAtGradients = true;
  double trialSeconds = 0;
  int64_t trialBytes = 0;
};
CellSearchSettings settingsOf(const StudyConfig &config);

/// Throws Error if the space, or the file of a task, is no longer what the study was made with.
void checkSameFiles(const StudyConfig &config, const Space &space);

} // namespace cellwright
