// See search.h.
#include "search/search.h"

#include "runtime/clock.h"
#include "search/asking.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

/// What the workers of a process share.
struct Shared {
  const SearchParts &parts;
  const SearchLimits &limits;
  const SearchTimes &times;
  StopRequests &stop;
  Clock::time_point start = Clock::now();
  std::atomic<bool> hasFailed = false;

  bool isOutOfTime() const { return limits.seconds && secondsSince(start) >= *limits.seconds; }
  void note(const std::string &message) const {
    if (parts.note)
      parts.note(message);
  }
};

/// Keeps a lease while it lives, and tells whether it was lost.
class Heart {
public:
  Heart(Store &store, const Lease &lease, double seconds) {
    beating = std::jthread([this, &store, lease, seconds](const std::stop_token &token) {
      std::unique_lock lock(mutex);
      auto pause = std::chrono::duration<double>(seconds);
      while (!changed.wait_for(lock, token, pause, [&] { return token.stop_requested(); }))
        beat(store, lease);
    });
  }
  bool isLost() const { return lost; }

private:
  void beat(Store &store, const Lease &lease) {
    try {
      lost = lost || !store.heartbeat(lease);
    } catch (const StoreError &) {
      // The next beat may reach it; if none does, the lease ends, and the result is refused.
    }
  }

  std::mutex mutex;
  std::condition_variable_any changed;
  std::atomic<bool> lost = false;
  std::jthread beating; // last: it uses all the others
};

/// Takes what a trial says to the store.
class StoringObserver : public TrialObserver {
public:
  StoringObserver(const Shared &shared, Store &store, const Lease &lease)
      : shared(shared), store(store), lease(lease), heart(store, lease, shared.times.heartbeat) {}

  void addValue(const TrialValue &value) override {
    // A value is for reports: a store that cannot take it now does not stop the trial.
    try {
      isLost = isLost || !store.addValue(lease, value);
    } catch (const StoreError &error) {
      if (!error.isPassing())
        throw;
    }
  }
  bool shouldStop() const override {
    return isLost || heart.isLost() || shared.stop.isUrgent() || shared.hasFailed;
  }

private:
  const Shared &shared;
  Store &store;
  Lease lease;
  bool isLost = false;
  Heart heart;
};

class Worker {
public:
  explicit Worker(Shared &shared)
      : shared(shared), store(shared.parts.openStore()), evaluator(shared.parts.makeEvaluator()),
        asking(shared.parts.config, *shared.parts.space, shared.parts.checks,
               shared.parts.makeController) {}

  SearchEnd run();

private:
  void evaluate(const ClaimedTrial &trial);
  template <typename Action> auto persist(const Action &action);

  Shared &shared;
  std::unique_ptr<Store> store;
  std::unique_ptr<Evaluator> evaluator;
  Asking asking;
};

/// Does what writes to the store, again and again while it is full or busy and there is patience.
template <typename Action> auto Worker::persist(const Action &action) {
  constexpr double kBetweenNotes = 60; // s
  double noted = -kBetweenNotes;
  for (Clock::time_point start = Clock::now();;) {
    try {
      return action();
    } catch (const StoreError &error) {
      double waited = secondsSince(start);
      bool isEnding = shared.stop.isRequested() || shared.isOutOfTime();
      double patience = isEnding ? shared.times.lastPatience : shared.times.patience;
      if (!error.isPassing() || waited >= patience || shared.stop.isUrgent())
        throw;
      if (waited - noted >= kBetweenNotes) {
        shared.note(fmt::format("{}; trying again", error.what()));
        noted = waited;
      }
    }
    shared.stop.wait(shared.times.poll);
  }
}

SearchEnd Worker::run() {
  int64_t refused = 0;
  while (true) {
    if (shared.stop.isRequested() || shared.hasFailed)
      return SearchEnd::Stopped;
    if (shared.isOutOfTime())
      return SearchEnd::OutOfTime;
    Asking::Answer answer = persist([&] { return asking.ask(*store, shared.limits.trials); });
    refused = answer.state == Asking::State::Refused ? refused + answer.refused : 0;
    if (answer.state == Asking::State::Complete)
      return SearchEnd::Complete;
    if (refused >= shared.limits.refused)
      return SearchEnd::Exhausted;
    if (answer.trial)
      evaluate(*answer.trial);
    else if (answer.state != Asking::State::Refused)
      shared.stop.wait(shared.times.poll);
  }
}

void Worker::evaluate(const ClaimedTrial &trial) {
  StoringObserver observer(shared, *store, trial.lease);
  try {
    TrialResult result = cleanResult(evaluator->evaluate(trial.spec, observer));
    // If the lease went to somebody else meanwhile, so did the trial.
    persist([&] { return store->finish(trial.lease, result); });
  } catch (const TrialLost &lost) {
    bool wasKilled = !observer.shouldStop();
    if (wasKilled)
      shared.note(fmt::format("trial {}: {}; it begins again", trial.lease.trial, lost.what()));
    persist([&] { return store->release(trial.lease, wasKilled); });
  } catch (...) {
    try {
      store->release(trial.lease, false);
    } catch (const StoreError &) {
      // Its lease ends by itself.
    }
    throw;
  }
}

/// Runs a worker; what it throws is kept for who waits for all of them.
void runWorker(Shared &shared, SearchEnd &end, std::exception_ptr &problem) {
  try {
    end = Worker(shared).run();
  } catch (...) {
    problem = std::current_exception();
    shared.hasFailed = true;
  }
}

} // namespace

SearchEnd runSearch(const SearchParts &parts, const SearchLimits &limits, StopRequests &stop,
                    const SearchTimes &times) {
  CELLWRIGHT_CHECK(limits.workers >= 1, "expected at least one worker, found {}", limits.workers);
  Shared shared{parts, limits, times, stop};
  auto count = static_cast<size_t>(limits.workers);
  std::vector<SearchEnd> ends(count, SearchEnd::Complete);
  std::vector<std::exception_ptr> problems(count);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i)
      threads.emplace_back([&, i] { runWorker(shared, ends[i], problems[i]); });
  }
  for (const std::exception_ptr &problem : problems)
    if (problem)
      std::rethrow_exception(problem);
  return *std::max_element(ends.begin(), ends.end());
}

} // namespace cellwright
