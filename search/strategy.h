// What decides which cells a search tries. A strategy is what it has been told: `ask` changes
// nothing but the random numbers, and everything that a proposal means for later asks is in the
// trial that it became. So a strategy that another process asked is brought up to date by the
// trials that are new, and one that was killed by those after its last saved state.
#pragma once

#include "search/controller.h"
#include "search/hyper_space.h"
#include "search/objectives.h"
#include "search/space.h"
#include "search/trial.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// What a strategy wants tried.
struct Proposal {
  Candidate candidate;
  HyperParameters hyper;
  int64_t budget = 0; // updates
  std::string task;   // empty: the study's
  /// The trial whose candidate this is again. Absent: the candidate is new, and is not tried if it
  /// turns out to be known, or a filter refuses it.
  std::optional<int64_t> repeats;
  bool continues = false; // has that trial's seed, so that it is its beginning
  bool isGiven = false;   // a starting point of the space: tried whatever the filters say
  std::string note;       // the strategy's own, JSON
};

enum class TrialState : uint8_t {
  Waiting, // begun and given back
  Running,
  Done, // with a quality
  Failed,
};

/// A trial as a strategy is told of it, and as reports read it.
struct TrialRecord {
  int64_t number = 0; // counts from 1
  Candidate candidate;
  TrialSpec spec; // with the candidate's cell
  std::optional<int64_t> repeats;
  std::string note;
  TrialState state = TrialState::Waiting;
  TrialResult result; // if it has ended
};

/// Where a strategy looks up the trials that it has only the numbers of.
class TrialArchive {
public:
  virtual ~TrialArchive() = default;
  virtual TrialRecord trial(int64_t number) const = 0;
};

class Strategy {
public:
  virtual ~Strategy() = default;

  /// What to try next; nothing while that depends on trials which still run.
  virtual std::optional<Proposal> ask(Random &random, const TrialArchive &archive) const = 0;
  /// A proposal has become this trial.
  virtual void start(const TrialRecord &trial) = 0;
  /// A trial has ended, well or not.
  virtual void tell(const TrialRecord &trial) = 0;

  /// Everything that it has been told, as JSON, and back. `loadState` throws Error if the text is
  /// no state of this strategy.
  virtual std::string saveState() const = 0;
  virtual void loadState(const std::string &text) = 0;
};

/// What a search looks for, and what all strategies need to know of it.
struct StrategySetup {
  const Space *space = nullptr; // lives as long as the strategy
  HyperSpace hyper;
  std::vector<Objective> objectives;  // the first is quality
  int64_t budget = 0;                 // updates of a whole trial
  std::vector<std::string> tasks;     // the study's, then others that a strategy may use
  std::string gate;                   // a cheap task that a new cell must solve first; or empty
  uint64_t seed = 1;                  // of what a strategy learns from
  MakeController makeController = {}; // absent: strategies that need one cannot be made
};

/// A number that a strategy can be told, with its bounds.
struct StrategyOption {
  std::string_view name;
  double value; // default
  double least;
  double most;
  bool isWhole;
  std::string_view help;
};

/// The options of a strategy with the values that were given; all others have their defaults.
class StrategyOptions {
public:
  /// Throws Error for an option that the strategy does not have, or a value beyond its bounds.
  StrategyOptions(std::string_view strategy, std::span<const StrategyOption> known,
                  const std::map<std::string, double> &given);

  double number(std::string_view name) const;
  int64_t whole(std::string_view name) const;

private:
  std::map<std::string, double, std::less<>> values;
};

struct StrategyInfo {
  std::string_view name;
  std::string_view source;
  std::string_view help; // one line
  std::span<const StrategyOption> options;
  bool hasInner;      // it schedules what another strategy proposes
  bool usesMoreTasks; // the gate, and tasks besides the study's
  std::unique_ptr<Strategy> (*make)(const StrategySetup &setup, const StrategyOptions &options,
                                    std::unique_ptr<Strategy> inner);
};

/// All strategies, one file each in strategies/.
std::span<const StrategyInfo> strategies();

/// How a user names a strategy: `asha`, or with what it schedules, `asha:evolution`. A scheduler
/// alone is over `random`. An option of the scheduler or of the inner strategy is found by its
/// name.
/// Throws Error with what there is if there is no such strategy or option.
std::unique_ptr<Strategy> makeStrategy(std::string_view name, const StrategySetup &setup,
                                       const std::map<std::string, double> &options);

} // namespace cellwright
