// Processes of a search that are killed at random moments, and many that work at the same time.
// A moment is a number of lines that a process has said: ten of them are one trial or two.
#include "search/child_process.h"
#include "search/sqlite_store.h"
#include "search/study.h"
#include "tests/search/toy_search.h"
#include "tests/support/temporary_folder.h"
#include "training/random.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <sys/wait.h>
#include <vector>

using namespace cellwright;

namespace {

/// Processes that another one started.
std::vector<pid_t> childrenOf(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (name.find_first_not_of("0123456789") != std::string::npos || !std::getline(file, line))
      continue;
    // The name in parentheses may hold anything; then come state and parent.
    size_t at = line.rfind(')');
    if (at != std::string::npos && std::stol(line.substr(at + 4)) == parent)
      children.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return children;
}

/// A process that searches, and what it says.
class Searcher {
public:
  Searcher(const std::string &path, int64_t trials, int64_t workers)
      : process({SEARCH_PROGRAM, "search", path, std::to_string(trials), std::to_string(workers)},
                0) {}

  /// Reads so many lines; false if it ended before.
  bool readLines(uint64_t count) {
    while (count > 0) {
      size_t end = text.find('\n');
      if (end == std::string::npos) {
        if (!process.read(text, 100))
          return false;
        continue;
      }
      std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      if (line.starts_with("finished "))
        finished.push_back(std::stoll(line.substr(9)));
      --count;
    }
    return true;
  }
  void killWorkers() {
    for (pid_t child : childrenOf(process.id()))
      ::kill(child, SIGKILL);
  }
  void kill() { ::kill(process.id(), SIGKILL); }
  /// Reads what is left, and gives the status of the process.
  int end() {
    while (readLines(1000)) {
    }
    return process.wait();
  }

  std::vector<int64_t> finished; // trials, as it said

private:
  ChildProcess process;
  std::string text;
};

/// Checks that nobody holds the study, and that what was finished is there.
void checkStudy(const std::string &path, const std::vector<int64_t> &finished) {
  auto store = openSqliteStore(path, {.busySeconds = 0});
  store->decide([](Decision &) {});
  for (int64_t number : finished)
    CHECK(store->trial(number).record.state == TrialState::Done);
}

/// Kills a search of one worker at random moments, goes on with it, and gives what it found.
std::string searchWithKills(const StudyConfig &config, int64_t trials, int kills) {
  TemporaryFolder folder;
  std::string path = folder / "s.db";
  beginStudy(path, config, "1", false);
  Random random(1, "kills " + config.strategy);
  std::set<int64_t> everFinished;
  for (bool isOver = false; !isOver;) {
    Searcher searcher(path, trials, 1);
    bool isAlive = true;
    while (isAlive && kills > 0 && searcher.readLines(random.below(16))) {
      --kills;
      uint64_t whom = random.below(3); // a worker, the coordinator, all of them
      if (whom != 1)
        searcher.killWorkers();
      if (whom != 0)
        searcher.kill();
      isAlive = whom == 0;
    }
    int status = searcher.end();
    isOver = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    CHECK((isOver || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)));
    checkStudy(path, searcher.finished);
    for (int64_t number : searcher.finished)
      CHECK(everFinished.insert(number).second); // none is counted twice
  }
  CHECK(kills == 0);
  auto store = openSqliteStoreToRead(path);
  CHECK(store->counts().done == trials);
  return describeStudy(*store);
}

std::string searchWithoutKills(const StudyConfig &config, int64_t trials) {
  TemporaryFolder folder;
  std::string path = folder / "s.db";
  beginStudy(path, config, "1", false);
  CHECK(Searcher(path, trials, 1).end() == 0);
  return describeStudy(*openSqliteStoreToRead(path));
}

/// Runs processes of some workers each on one study, and checks that every trial was done once.
void searchTogether(const std::string &strategy, size_t processes, int64_t workers, int64_t trials,
                    int kills) {
  TemporaryFolder folder;
  std::string path = folder / "s.db";
  beginStudy(path, smallConfig(strategy), "1", false);
  Random random(1, "together");
  std::vector<std::unique_ptr<Searcher>> searchers(processes);
  std::map<int64_t, int> finished;
  auto endAndCount = [&](std::unique_ptr<Searcher> &searcher) {
    int status = searcher->end();
    for (int64_t number : searcher->finished)
      ++finished[number];
    searcher.reset();
    return status;
  };
  for (auto &searcher : searchers)
    searcher = std::make_unique<Searcher>(path, trials, workers);
  for (; kills > 0; --kills) {
    std::unique_ptr<Searcher> &victim = searchers[random.below(processes)];
    victim->readLines(random.below(30));
    if (random.below(2) == 0) {
      victim->killWorkers();
      continue;
    }
    victim->kill();
    endAndCount(victim);
    victim = std::make_unique<Searcher>(path, trials, workers);
  }
  for (auto &searcher : searchers)
    CHECK(endAndCount(searcher) == 0);
  auto store = openSqliteStore(path, {.busySeconds = 0});
  StudyCounts counts = store->counts();
  CHECK(counts.started == trials);
  CHECK(counts.done == trials);
  CHECK(counts.failed == 0);
  store->decide([&](Decision &decision) {
    CHECK(decision.lastEvent() == 2 * trials);
    CHECK(decision.unfinishedCount() == 0);
  });
  // A process that was killed may have finished a trial without saying so.
  for (const auto &[number, count] : finished)
    CHECK(count == 1);
  if (processes > 0 && kills == 0)
    CHECK(static_cast<int64_t>(finished.size()) <= trials);
}

} // namespace

TEST_CASE("a search that is killed and goes on is one that was never killed") {
  StudyConfig config = smallConfig("asha:evolution");
  std::string killed = searchWithKills(config, 40, 20);
  CHECK(findDifference(killed, searchWithoutKills(config, 40)).empty());
}

TEST_CASE("ten processes do the trials of one study, each once") {
  searchTogether("evolution", 10, 1, 60, 0);
}

TEST_SUITE("slow") {
  TEST_CASE("a search that is killed at a hundred moments is one that was never killed") {
    for (const char *strategy : {"random", "evolution", "pool", "halving", "asha:evolution"}) {
      CAPTURE(strategy);
      StudyConfig config = smallConfig(strategy);
      std::string killed = searchWithKills(config, 150, 100);
      CHECK(findDifference(killed, searchWithoutKills(config, 150)).empty());
    }
  }

  TEST_CASE("processes that are killed while others work lose nothing and count nothing twice") {
    searchTogether("asha:evolution", 3, 2, 300, 100);
  }
}
