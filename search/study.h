// What a search is, apart from how long it goes on and on how many processes: everything that its
// trials depend on. A study keeps it, and who joins must want the same.
#pragma once

#include "search/hyper_space.h"
#include "search/objectives.h"
#include "search/store.h"
#include "search/strategy.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cellwright {

struct StudyConfig {
  std::string space;                        // as makeSpace knows it
  std::string task;                         // the first of the strategy's tasks
  std::vector<std::string> moreTasks;       // others that an architecture must be good at
  std::string gate;                         // a cheap task that it must solve first; or empty
  std::string strategy = "random";          // as makeStrategy knows it
  std::map<std::string, double> options;    // of the strategy
  std::vector<Objective> objectives = {{}}; // the first is quality
  HyperSpace hyper;
  int64_t budget = 0;       // updates of a whole trial
  int64_t evaluations = 10; // values of a trial on its way
  uint64_t seed = 1;
  std::map<std::string, std::string> more; // of space, task, filters and evaluation, by name

  /// What its strategy needs to know; `space` lives as long as the strategy.
  StrategySetup setup(const Space &space) const;

  bool operator==(const StudyConfig &) const = default;
};

/// As JSON, and back. Parsing throws Error with what is wrong with the text.
std::string formatStudyConfig(const StudyConfig &config);
StudyConfig parseStudyConfig(const std::string &text);

/// Throws Error with every difference unless both are the same; `path` is the study's.
void checkSameStudy(const std::string &path, const StudyConfig &stored, const StudyConfig &given);

/// A study with no trials yet. `program` is the version of this program.
NewStudy newStudy(const StudyConfig &config, const std::string &program);

/// Makes the study, or checks that the one that is there is the same. With `mustExist` one that is
/// not there is an Error.
void beginStudy(const std::string &path, const StudyConfig &config, const std::string &program,
                bool mustExist);

} // namespace cellwright
