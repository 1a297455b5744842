// What a study has found, for people: everything that its page shows. What one gets wrong: a study
// may go on while it is read; what is said of trials is of one moment.
#pragma once

#include "search/family.h"
#include "search/leaderboard.h"
#include "search/objectives.h"
#include "search/store.h"
#include "search/study.h"

#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// A trial of the study's task that has ended with a quality.
struct EndedTrial {
  int64_t number = 0;
  int64_t ended = 0;  // how many trials had ended then, itself included
  double seconds = 0; // since the first trial began
  double quality = 0;
};

/// Trials that failed in the same way, numbers apart: in another update, by as many bytes more.
struct FailureReason {
  std::string status; // as stores write it
  std::string reason; // of the first
  int64_t count = 0;
  int64_t trial = 0; // the first
};

/// A cell of the report in full.
struct CellInFull {
  std::string text; // as the study has it
  std::string edit; // how it came from its parents, the first line; empty if it was drawn
  // Empty if this version does not take it for a cell.
  std::string latex, picture;
  std::string problem; // what it says then
};

struct SearchReport {
  std::string name; // of the study, as its user calls it
  StudyInfo info;
  StudyConfig config;
  StudyCounts counts;      // of the trials below; `running` and `interrupted` stay 0
  double began = 0;        // seconds since 1970, of the first trial; 0: none has begun
  double ended = 0;        // of the last one that ended
  double trialSeconds = 0; // that all trials took together
  std::vector<RankedCell> cells;
  std::vector<size_t> front;           // of `cells`: what nothing dominates
  std::vector<Objective> frontOf;      // quality and what it is paid with
  std::vector<EndedTrial> endings;     // in the order in which they ended
  std::vector<FailureReason> failures; // the most frequent first
  std::vector<CellInFull> shown;       // of the first of `cells`; the first has a picture
  std::vector<TrialValue> curve;       // of the winner's best run
  Family family;                       // of the winner

  bool isUnfinished() const { return counts.started > counts.done + counts.failed; }
};

/// How much of a study a report holds.
struct ReportOptions {
  size_t shownCells = 50;
  size_t familyMembers = 100;
};

/// Throws StoreError.
SearchReport readReport(const Store &store, const std::string &name,
                        const ReportOptions &options = {});

} // namespace cellwright
