// Studies for tests of what is made of them: trials written by hand, with cells of the language.
#pragma once

#include "search/sqlite_store.h"
#include "search/study.h"

#include <string>
#include <vector>

namespace cellwright {

/// A study in the making. Its clock stands at 2023-11-14 22:13:20 and goes on with the trials.
class StudyMaker {
public:
  StudyMaker(const std::string &path, const StudyConfig &config);

  /// A trial of a cell with the study's task; its number.
  NewTrial trialOf(const std::string &cell) const;
  int64_t begin(const NewTrial &trial);
  /// Ends a trial that has begun, a minute later.
  void end(int64_t trial, const TrialResult &result);
  void addValue(int64_t trial, const TrialValue &value);
  void refuse(const std::string &filter, int64_t times);

  /// Begins a trial and ends it with a quality, and a size that follows from the cell's text.
  int64_t add(const NewTrial &trial, double quality);

private:
  double now = 1'700'000'000;
  StudyConfig config;
  std::unique_ptr<Store> store;
  std::vector<Lease> leases; // by trial
};

/// Trains 1000 updates of `adding` for the highest quality.
StudyConfig cellStudyConfig();

/// A recurrent cell, different for each text: `value` is what the candidate is multiplied with.
std::string gatedCell(const std::string &value, const std::string &function = "tanh");

struct StudyKind {
  const char *name;
  void (*make)(const std::string &path);
};
/// empty; failures: nothing else; one: a trial; cells: starts, their mutants, a crossover, several
/// seeds, failures, one that runs, one on another task; objectives: the same for four objectives;
/// unsteady: by sgd, a cell that fails with three of five seeds, two others;
/// hostile: markup in every text; toys: words that are no cells; many: 10,000 trials.
const std::vector<StudyKind> &studyKinds();

/// Makes a study of one of these kinds. Throws Error if there is none of that name.
void makeStudy(const std::string &kind, const std::string &path);

} // namespace cellwright
