// The loop of a search, which any number of processes may join: take a trial or have the strategy
// propose one, evaluate it, keep its result, again. What one gets wrong: everything that is decided
// is in the store, and a loop has nothing that it cannot make again from there.
#pragma once

#include "search/evaluator.h"
#include "search/stop_requests.h"
#include "search/store.h"
#include "search/study.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cellwright {

/// What is asked of candidates before they are trained. Each must always give the same for the
/// same.
struct CandidateChecks {
  /// A text that two candidates share only if they are the same cell; nothing if the cell does not
  /// check.
  std::function<std::optional<std::string>(const Candidate &candidate)> hash;
  /// Sets the hidden size by the budget of parameters. Absent: it stays as it is.
  std::function<void(const Candidate &candidate, HyperParameters &hyper)> fit;
  /// The name of the filter that refuses a new candidate; empty if none does. Absent: none does.
  std::function<std::string(const Candidate &candidate, const HyperParameters &hyper)> refuse;
};

struct SearchParts {
  StudyConfig config;
  const Space *space = nullptr;
  CandidateChecks checks;
  MakeController makeController; // for strategies that learn; absent: these cannot be used
  // One each for every worker.
  std::function<std::unique_ptr<Store>()> openStore;
  std::function<std::unique_ptr<Evaluator>()> makeEvaluator;
  /// What a user should know of what goes wrong and passes; any thread may call it.
  std::function<void(const std::string &message)> note;
};

struct SearchLimits {
  int64_t workers = 1;           // trials at a time in this process
  std::optional<int64_t> trials; // of the study, by all processes together
  std::optional<double> seconds; // of this process; running trials end afterwards
  int64_t refused = 10'000;      // proposals in a row; then the space has nothing new to be found
};

/// How long a loop waits for what.
struct SearchTimes {
  double heartbeat = 10;    // s between signs of life; leases last several times as long
  double poll = 0.5;        // s between looks for a trial when there is none
  double patience = 600;    // s until a store that cannot be written is given up
  double lastPatience = 10; // the same once the search is to end
};

enum class SearchEnd : uint8_t {
  Complete,  // all trials have ended
  OutOfTime, // the limit of seconds has passed
  Stopped,   // somebody asked
  Exhausted, // the space gives nothing new
};

/// Runs until an end. Throws Error if the study cannot go on; what ended before is kept, and what
/// was running is given back.
SearchEnd runSearch(const SearchParts &parts, const SearchLimits &limits, StopRequests &stop,
                    const SearchTimes &times = {});

} // namespace cellwright
