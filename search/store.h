// Where a search lives: its configuration, trials with their leases and results, what was refused,
// and the strategy with its random numbers. Any number of processes may have the same store open.
// What one gets wrong: a worker that was away for longer than its lease may still believe that a
// trial is its own; the fencing number tells, and what it brings is refused.
#pragma once

#include "runtime/error.h"
#include "search/strategy.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// Something is wrong with a store; the message says what and what to do.
class StoreError : public Error {
public:
  enum class Kind : uint8_t {
    Missing,  // there is none
    Exists,   // there is one already
    ReadOnly, // it cannot be written
    Full,     // the disk has no room
    Busy,     // another program holds it
    Damaged,  // truncated, or other bytes than were written
    Foreign,  // no store
    Newer,    // of a newer version of this program
    Failed,   // anything else
  };
  StoreError(Kind kind, const std::string &message) : Error(message), kind(kind) {}

  /// True if the same may succeed later and nothing else is wrong.
  bool isPassing() const { return kind == Kind::Full || kind == Kind::Busy; }

  const Kind kind;
};

/// What a store is made with.
struct NewStudy {
  std::string config;                    // JSON
  std::string program;                   // version of this program
  std::array<uint64_t, 4> randomState{}; // with which the search begins
};

struct StudyInfo {
  std::string config;  // JSON, as it was when the study was made
  int64_t schema = 0;  // version of the store's form
  std::string program; // version of the program that made it
  double created = 0;  // seconds since 1970
};

/// A trial that a worker has: its own until others may take it.
struct Lease {
  int64_t trial = 0;
  int64_t fence = 0; // grows from lease to lease
};

struct ClaimedTrial {
  Lease lease;
  TrialSpec spec;
};

/// What is written down of a trial when it begins.
struct NewTrial {
  Candidate candidate;
  TrialSpec spec; // with the candidate's cell
  std::optional<int64_t> repeats;
  std::string note;
  std::string hash; // by which its candidate is known from now on; or empty
};

/// A strategy as it was after an event.
struct StrategySnapshot {
  int64_t event = 0;
  std::string state;
};

/// A trial that started or ended. Events are numbered from 1 in the order in which they happened.
struct TrialEvent {
  int64_t number = 0;
  bool isEnd = false;
  TrialRecord trial;
};

/// What one decision reads and writes. Nobody else writes meanwhile, and all of it is kept, or
/// nothing.
class Decision : public TrialArchive {
public:
  virtual int64_t trialCount() const = 0;
  virtual int64_t unfinishedCount() const = 0;
  virtual int64_t lastEvent() const = 0;

  /// The last saved state of the strategy, if there is one.
  virtual std::optional<StrategySnapshot> snapshot() const = 0;
  /// Bytes of that state, and its event; 0 and 0 if there is none.
  virtual std::pair<int64_t, int64_t> snapshotSize() const = 0;
  virtual void saveSnapshot(const std::string &state) = 0; // as of the last event
  virtual void visitEvents(int64_t after,
                           const std::function<void(const TrialEvent &)> &visit) const = 0;
  virtual std::array<uint64_t, 4> randomState() const = 0;
  virtual void saveRandomState(const std::array<uint64_t, 4> &state) = 0;

  /// True if there is a trial whose candidate has this hash.
  virtual bool isKnown(const std::string &hash) const = 0;
  /// Counts a candidate that is not tried.
  virtual void countRefused(std::string_view reason) = 0;

  /// A trial that nobody has any more: given back, its lease over, or its worker dead. What was
  /// noted on its way is gone. One that was lost too often has failed instead.
  virtual std::optional<ClaimedTrial> claimLost() = 0;
  /// A new trial, which is the worker's own at once.
  virtual ClaimedTrial addTrial(const NewTrial &trial) = 0;
};

struct NamedCount {
  std::string name;
  int64_t count = 0;

  bool operator==(const NamedCount &) const = default;
};

struct StudyCounts {
  int64_t started = 0; // all trials
  int64_t running = 0;
  int64_t interrupted = 0; // given back or lost by their workers
  int64_t done = 0;
  int64_t failed = 0;
  std::vector<NamedCount> failures; // by reason, sorted by name
  std::vector<NamedCount> refused;  // by filter, sorted by name

  bool operator==(const StudyCounts &) const = default;
};

/// A trial with what only a store knows of it.
struct StoredTrial {
  TrialRecord record;
  std::string hash;
  int64_t attempts = 0; // how often it was begun, but for workers that were stopped or killed
  double started = 0;   // seconds since 1970, of the first attempt
  double ended = 0;     // 0: it has not
  std::string worker;   // of the last attempt, for people
  std::vector<TrialValue> values;
};

/// May be used by several threads at a time.
class Store {
public:
  virtual ~Store() = default;

  virtual StudyInfo study() const = 0;
  /// Runs `decide` in a transaction; undone if it throws.
  virtual void decide(const std::function<void(Decision &)> &decide) = 0;

  // These give false, and change nothing, if the lease is another's by now.
  virtual bool heartbeat(const Lease &lease) = 0;
  virtual bool addValue(const Lease &lease, const TrialValue &value) = 0;
  virtual bool finish(const Lease &lease, const TrialResult &result) = 0;
  /// Gives a trial back, for anybody to begin anew. `wasKilled`: its own process was, which happens
  /// to no trial for ever.
  virtual bool release(const Lease &lease, bool wasKilled) = 0;

  virtual StudyCounts counts() const = 0;
  virtual StoredTrial trial(int64_t number) const = 0;
  /// All trials in the order of their numbers, all as they were at one moment.
  virtual void visitTrials(const std::function<void(const StoredTrial &)> &visit) const = 0;
  /// The trials on a task with the best quality, the best first.
  virtual std::vector<StoredTrial> best(int64_t count, bool isMaximized,
                                        const std::string &task) const = 0;
  /// The trials that somebody works on, in the order of their numbers.
  virtual std::vector<StoredTrial> running() const = 0;
};

} // namespace cellwright
