// The loop, in this process: what it does with one worker and several, and when it ends.
#include "search/search.h"

#include "search/sqlite_store.h"
#include "search/status.h"
#include "tests/search/toy_search.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <limits>
#include <mutex>
#include <set>
#include <sys/types.h>
#include <unistd.h>

using namespace cellwright;

namespace {

/// What a test's evaluator does: a function.
class FunctionEvaluator : public Evaluator {
public:
  using Function = std::function<TrialResult(const TrialSpec &, TrialObserver &)>;
  explicit FunctionEvaluator(Function function) : function(std::move(function)) {}
  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override {
    return function(spec, observer);
  }

private:
  Function function;
};

/// A search in a folder of its own.
struct Bench {
  explicit Bench(const StudyConfig &config = toyConfig(), int digits = 8, bool hasStarts = false)
      : space(digits, hasStarts) {
    parts.config = config;
    parts.space = &space;
    parts.checks = toyChecks();
    parts.makeController = makeToyController;
    parts.openStore = [this] { return openSqliteStore(path); };
    parts.makeEvaluator = [] { return std::make_unique<ToyEvaluator>(); };
    parts.note = [this](const std::string &message) {
      std::lock_guard lock(mutex);
      notes.push_back(message);
    };
    beginStudy(path, config, "1", false);
  }

  SearchEnd run(int64_t trials, int64_t workers = 1) {
    return runSearch(parts, {workers, trials, std::nullopt}, stop,
                     {.heartbeat = 10, .poll = 0.001});
  }
  void evaluateBy(FunctionEvaluator::Function function) {
    parts.makeEvaluator = [function] { return std::make_unique<FunctionEvaluator>(function); };
  }
  std::string describe() const { return describeStudy(*openSqliteStoreToRead(path)); }
  StudyCounts counts() const { return openSqliteStoreToRead(path)->counts(); }

  TemporaryFolder folder;
  std::string path = folder / "s.db";
  ToySpace space;
  SearchParts parts;
  StopRequests stop;
  std::mutex mutex;
  std::vector<std::string> notes;
};

const char *const kStrategies[] = {"random",    "evolution", "pool",
                                   "reinforce", "halving",   "asha:evolution"};

} // namespace

TEST_CASE("a search with one worker gives the same study whether or not it was interrupted") {
  for (const char *strategy : kStrategies) {
    CAPTURE(strategy);
    Bench whole(smallConfig(strategy)), parts(smallConfig(strategy));
    CHECK(whole.run(60) == SearchEnd::Complete);
    for (int64_t trials : {1, 2, 7, 30, 31, 60})
      CHECK(parts.run(trials) == SearchEnd::Complete);
    CHECK(findDifference(parts.describe(), whole.describe()).empty());
    CHECK(whole.counts().done == 60);
  }
}

TEST_CASE("searches with other seeds are other searches") {
  StudyConfig config = toyConfig();
  Bench first(config);
  config.seed = 8;
  Bench second(config);
  first.run(5);
  second.run(5);
  CHECK(openSqliteStoreToRead(first.path)->trial(5).record.candidate.cell !=
        openSqliteStoreToRead(second.path)->trial(5).record.candidate.cell);
}

TEST_CASE("several workers do as many trials as there are to be, each once") {
  for (const char *strategy : kStrategies) {
    CAPTURE(strategy);
    Bench bench(smallConfig(strategy));
    std::atomic<int> evaluated = 0;
    bench.evaluateBy([&](const TrialSpec &spec, TrialObserver &observer) {
      ++evaluated;
      return ToyEvaluator().evaluate(spec, observer);
    });
    CHECK(bench.run(60, 4) == SearchEnd::Complete);
    CHECK(evaluated == 60);
    StudyCounts counts = bench.counts();
    CHECK(counts.started == 60);
    CHECK(counts.done == 60);
    CHECK(bench.notes.empty());
  }
}

TEST_CASE("no candidate is tried twice unless its strategy repeats it") {
  Bench bench(toyConfig(), 2); // a hundred words
  CHECK(bench.run(90) == SearchEnd::Complete);
  std::set<std::string> seen;
  openSqliteStoreToRead(bench.path)->visitTrials([&](const StoredTrial &trial) {
    CHECK(seen.insert(trial.record.candidate.cell).second);
  });
  REQUIRE(bench.counts().refused.size() == 1);
  CHECK(bench.counts().refused[0].name == "duplicate");
  CHECK(bench.counts().refused[0].count > 50);
}

TEST_CASE("a space that gives nothing new ends the search") {
  Bench bench(toyConfig(), 1); // ten words
  CHECK(bench.run(11) == SearchEnd::Exhausted);
  CHECK(bench.counts().done == 10);
}

TEST_CASE("refused candidates are counted by filter, and never tried") {
  Bench bench;
  bench.parts.checks.hash = [](const Candidate &candidate) {
    return candidate.cell[0] == '0' ? std::nullopt : std::optional(candidate.cell);
  };
  bench.parts.checks.refuse = [](const Candidate &candidate, const HyperParameters &hyper) {
    CHECK(hyper.hidden == 99);
    return candidate.cell[0] < '5' ? std::string("small") : std::string();
  };
  bench.parts.checks.fit = [](const Candidate &, HyperParameters &hyper) { hyper.hidden = 99; };
  CHECK(bench.run(50) == SearchEnd::Complete);
  openSqliteStoreToRead(bench.path)->visitTrials([](const StoredTrial &trial) {
    CHECK(trial.record.candidate.cell[0] >= '5');
    CHECK(trial.record.spec.hyper.hidden == 99);
  });
  std::vector<NamedCount> refused = bench.counts().refused;
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].name == "check");
  CHECK(refused[0].count > 0);
  CHECK(refused[1].name == "small");
  CHECK(refused[1].count > 0);
}

TEST_CASE("filters and duplicates do not refuse starting points and repetitions") {
  Bench bench(smallConfig("pool"), 8, true);
  bench.parts.checks.refuse = [](const Candidate &, const HyperParameters &) {
    return std::string("nothing passes");
  };
  CHECK(bench.run(4) == SearchEnd::Complete);
  CHECK(bench.counts().done == 4); // two starting points with two settings each
}

TEST_CASE("a failed trial is kept with its reason, and the search goes on") {
  Bench bench;
  bench.evaluateBy([](const TrialSpec &spec, TrialObserver &observer) {
    TrialResult result = ToyEvaluator().evaluate(spec, observer);
    if (spec.cell[0] < '3')
      return failTrial(TrialStatus::Crashed, "first digit");
    if (spec.cell[0] < '6')
      result.quality = std::numeric_limits<double>::quiet_NaN();
    return result;
  });
  CHECK(bench.run(50) == SearchEnd::Complete);
  StudyCounts counts = bench.counts();
  CHECK(counts.done + counts.failed == 50);
  REQUIRE(counts.failures.size() == 2);
  CHECK(counts.failures[0].name == "crashed");
  CHECK(counts.failures[1].name == "diverged");
  openSqliteStoreToRead(bench.path)->visitTrials([](const StoredTrial &trial) {
    if (trial.record.result.status == TrialStatus::Diverged)
      CHECK(trial.record.result.reason == "its quality is nan");
  });
}

TEST_CASE("a trial that was lost begins again, and the study is the same") {
  Bench whole, bench;
  whole.run(20);
  int evaluated = 0;
  bench.evaluateBy([&](const TrialSpec &spec, TrialObserver &observer) {
    TrialResult result = ToyEvaluator().evaluate(spec, observer);
    if (++evaluated % 3 == 0)
      throw TrialLost("its process was killed");
    return result;
  });
  CHECK(bench.run(20) == SearchEnd::Complete);
  CHECK(findDifference(bench.describe(), whole.describe()).empty());
  REQUIRE(!bench.notes.empty());
  CHECK(bench.notes[0] == "trial 3: its process was killed; it begins again");
}

TEST_CASE("an error of the evaluator ends the search and gives the trial back") {
  Bench bench;
  bench.evaluateBy(
      [](const TrialSpec &, TrialObserver &) -> TrialResult { throw Error("there is no text"); });
  CHECK(errorOf([&] { bench.run(5, 3); }) == "there is no text");
  CHECK(bench.counts().done == 0);
  bench.evaluateBy([](const TrialSpec &spec, TrialObserver &observer) {
    return ToyEvaluator().evaluate(spec, observer);
  });
  CHECK(bench.run(5) == SearchEnd::Complete);
  CHECK(bench.counts().done == 5);
  CHECK(bench.counts().started == 5);
}

//===-- Ends ----------------------------------------------------------------------------------===//

TEST_CASE("the first request lets running trials end, the second does not") {
  for (int requests : {1, 2}) {
    CAPTURE(requests);
    Bench bench;
    bench.evaluateBy([&](const TrialSpec &spec, TrialObserver &observer) {
      for (int i = 0; i < requests; ++i)
        bench.stop.request();
      return ToyEvaluator().evaluate(spec, observer);
    });
    CHECK(bench.run(10) == SearchEnd::Stopped);
    CHECK(bench.counts().started == 1);
    CHECK(bench.counts().done == (requests == 1 ? 1 : 0));
    CHECK(openSqliteStoreToRead(bench.path)->running().empty());
  }
}

TEST_CASE("a stopped search goes on as one that was never stopped") {
  Bench whole, bench;
  whole.run(20);
  for (int round = 0; round < 6; ++round) {
    StopRequests stop;
    int evaluated = 0;
    bench.evaluateBy([&](const TrialSpec &spec, TrialObserver &observer) {
      if (++evaluated == 3) {
        stop.request();
        if (round % 2)
          stop.request();
      }
      return ToyEvaluator().evaluate(spec, observer);
    });
    CHECK(runSearch(bench.parts, {1, 20, std::nullopt}, stop) == SearchEnd::Stopped);
  }
  bench.evaluateBy([](const TrialSpec &spec, TrialObserver &observer) {
    return ToyEvaluator().evaluate(spec, observer);
  });
  CHECK(bench.run(20) == SearchEnd::Complete);
  CHECK(findDifference(bench.describe(), whole.describe()).empty());
}

TEST_CASE("Ctrl-C is a request") {
  StopRequests stop;
  SignalRequests signals(stop);
  CHECK_FALSE(stop.isRequested());
  ::kill(::getpid(), SIGINT);
  while (!stop.isRequested())
    stop.wait(1);
  ::kill(::getpid(), SIGTERM);
  while (!stop.isUrgent())
    stop.wait(1);
}

TEST_CASE("a search whose time is over begins nothing") {
  Bench bench;
  CHECK(runSearch(bench.parts, {1, 10, 0.0}, bench.stop) == SearchEnd::OutOfTime);
  CHECK(bench.counts().started == 0);
}

TEST_CASE("a search needs a worker") {
  Bench bench;
  CHECK(errorOf([&] { bench.run(5, 0); }) == "expected at least one worker, found 0");
}

TEST_CASE("a trial whose lease went to another is left to that one") {
  Bench bench;
  double now = 1000;
  bench.parts.openStore = [&] {
    return openSqliteStore(bench.path, {.clock = [&now] { return now; }});
  };
  int evaluated = 0;
  bench.evaluateBy([&](const TrialSpec &spec, TrialObserver &observer) {
    if (++evaluated == 1) {
      // So long away that another process takes and ends the trial.
      now += 1000;
      auto other = openSqliteStore(bench.path, {.clock = [&now] { return now; }});
      Lease lease;
      other->decide([&](Decision &decision) { lease = decision.claimLost()->lease; });
      TrialResult result;
      result.quality = 0.125;
      CHECK(other->finish(lease, result));
    }
    return ToyEvaluator().evaluate(spec, observer);
  });
  CHECK(bench.run(3) == SearchEnd::Complete);
  CHECK(bench.counts().done == 3);
  CHECK(openSqliteStoreToRead(bench.path)->trial(1).record.result.quality == 0.125);
}

//===-- What a table shows --------------------------------------------------------------------===//

TEST_CASE("the status of a search has its counts, its best, and what runs") {
  Bench bench(smallConfig("evolution"));
  bench.run(50);
  SearchStatus status = readStatus(*openSqliteStoreToRead(bench.path), 3);
  CHECK(status.config == bench.parts.config);
  CHECK(status.counts.done == 50);
  CHECK(status.running.empty());
  REQUIRE(status.best.size() == 3);
  CHECK(status.best[0].record.result.quality >= status.best[1].record.result.quality);
  CHECK(status.best[1].record.result.quality >= status.best[2].record.result.quality);
  CHECK(status.best[0].values.size() == 4);
}
