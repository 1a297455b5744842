// A program for tests of processes: `worker` is a worker whose task says what goes wrong in it,
// `search STUDY TRIALS WORKERS` joins a toy search and says on stdout what it does, a line each.
#include "search/search.h"
#include "search/sqlite_store.h"
#include "search/worker.h"
#include "tests/search/toy_search.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cellwright;

namespace {

//===-- The worker ----------------------------------------------------------------------------===//

void wantAllMemory() {
  std::vector<std::vector<char>> blocks;
  while (true)
    blocks.emplace_back(10'000'000, 'x');
}

using Trouble = void (*)();

/// What goes wrong, by task.
const std::map<std::string, Trouble> &troubles() {
  static const std::map<std::string, Trouble> table = {
      {"crash",
       [] {
         std::cerr << "about to crash\n";
         std::raise(SIGSEGV);
       }},
      {"abort", [] { std::abort(); }},
      {"hang",
       [] {
         while (true)
           ::pause();
       }},
      {"memory", wantAllMemory},
      {"memory in a thread", [] { std::thread(wantAllMemory).join(); }},
      {"exit", [] { std::_Exit(3); }},
      {"end", [] { std::_Exit(0); }},
      {"killed", [] { std::raise(SIGKILL); }},
      {"garbage",
       [] {
         // Where the answers go: the parent's socket is also standard input.
         (void)!::write(0, "no JSON\n", 8);
       }},
      {"throw", [] { throw std::runtime_error("something odd"); }},
      {"error", [] { throw Error("there is no text"); }},
      {"print", [] { std::cout << "{\"result\":7}" << std::endl; }},
      {"close", [] { ::close(2); }},
  };
  return table;
}

class TroubledEvaluator : public Evaluator {
public:
  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override {
    auto trouble = troubles().find(spec.task);
    if (trouble != troubles().end())
      trouble->second();
    if (spec.task == "nan") {
      observer.addValue({1, std::nan("")});
      TrialResult result;
      result.quality = std::nan("");
      return result;
    }
    return ToyEvaluator().evaluate(spec, observer);
  }
};

//===-- The search ----------------------------------------------------------------------------===//

void say(const std::string &what) {
  std::string line = what + "\n";
  (void)!::write(1, line.data(), line.size());
}

/// Says before and after what it does.
class TellingStore : public Store {
public:
  explicit TellingStore(std::unique_ptr<Store> store) : store(std::move(store)) {}

  void decide(const std::function<void(Decision &)> &decide) override {
    say("ask");
    store->decide(decide);
    say("asked");
  }
  bool addValue(const Lease &lease, const TrialValue &value) override {
    say("value");
    return store->addValue(lease, value);
  }
  bool finish(const Lease &lease, const TrialResult &result) override {
    say("finish");
    bool isDone = store->finish(lease, result);
    say((isDone ? "finished " : "refused ") + std::to_string(lease.trial));
    return isDone;
  }
  bool heartbeat(const Lease &lease) override { return store->heartbeat(lease); }
  bool release(const Lease &lease, bool wasKilled) override {
    return store->release(lease, wasKilled);
  }
  StudyInfo study() const override { return store->study(); }
  StudyCounts counts() const override { return store->counts(); }
  StoredTrial trial(int64_t number) const override { return store->trial(number); }
  void visitTrials(const std::function<void(const StoredTrial &)> &visit) const override {
    store->visitTrials(visit);
  }
  std::vector<StoredTrial> best(int64_t count, bool isMaximized,
                                const std::string &task) const override {
    return store->best(count, isMaximized, task);
  }
  std::vector<StoredTrial> running() const override { return store->running(); }

private:
  std::unique_ptr<Store> store;
};

void joinSearch(const std::string &program, const std::string &path, int64_t trials,
                int64_t workers) {
  ToySpace space;
  SearchParts parts;
  parts.config = parseStudyConfig(openSqliteStoreToRead(path)->study().config);
  parts.space = &space;
  parts.checks = toyChecks();
  parts.openStore = [&] {
    return std::make_unique<TellingStore>(openSqliteStore(path, {.mostAttempts = 1000}));
  };
  parts.makeEvaluator = [&] {
    return std::make_unique<ProcessEvaluator>(std::vector<std::string>{program, "worker"},
                                              WorkerLimits());
  };
  StopRequests stop;
  SignalRequests signals(stop);
  runSearch(parts, {workers, trials, std::nullopt}, stop, {.heartbeat = 10, .poll = 0.01});
}

} // namespace

int main(int argc, char **argv) {
  std::vector<std::string> words(argv, argv + argc);
  try {
    if (words.size() == 2 && words[1] == "worker") {
      TroubledEvaluator evaluator;
      return runWorker(evaluator);
    }
    if (words.size() == 5 && words[1] == "search") {
      joinSearch(words[0], words[2], std::stoll(words[3]), std::stoll(words[4]));
      return 0;
    }
  } catch (const Error &error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  std::cerr << "expected `worker` or `search STUDY TRIALS WORKERS`\n";
  return 2;
}
