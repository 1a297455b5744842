// A disk that is full at any write: a message, and nothing is lost.
#include "search/search.h"

#include "search/sqlite_store.h"
#include "tests/search/faulty_disk.h"
#include "tests/search/toy_search.h"
#include "tests/support/error_text.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

using namespace cellwright;

namespace {

constexpr int64_t kTrials = 12;

/// A short search by evolution on a disk.
struct Bench {
  explicit Bench(const char *vfs) {
    parts.config = toyConfig("evolution");
    parts.config.options = {{"population", 4}, {"sample", 2}};
    parts.space = &space;
    parts.checks = toyChecks();
    parts.openStore = [this, vfs] {
      // As another process, for which those before are dead.
      std::string process = std::to_string(++runs);
      auto mayBeAlive = [process](const std::string &name) { return name == process; };
      return openSqliteStore(path, {.process = process, .mayBeAlive = mayBeAlive, .vfs = vfs});
    };
    parts.makeEvaluator = [] { return std::make_unique<ToyEvaluator>(); };
    parts.note = [this](const std::string &message) { notes.push_back(message); };
    beginStudy(path, parts.config, "1", false);
  }

  SearchEnd run(double patience) {
    StopRequests stop;
    return runSearch(parts, {1, kTrials, std::nullopt}, stop,
                     {.heartbeat = 10, .poll = 0, .patience = patience});
  }

  TemporaryFolder folder;
  std::string path = folder / "s.db";
  ToySpace space;
  SearchParts parts;
  int runs = 0;
  std::vector<std::string> notes;
};

std::string runWhole() {
  Bench bench(nullptr);
  bench.run(0);
  return describeStudy(*openSqliteStoreToRead(bench.path));
}

} // namespace

TEST_CASE("a disk that is full at any write costs nothing but time") {
  std::string expected = runWhole();
  FaultyDisk disk;
  int64_t writes = 0;
  for (bool hasFailed = true; hasFailed; ++writes) {
    CAPTURE(writes);
    Bench bench(disk.name());
    disk.failAfter(writes, INT64_MAX);
    std::string message = errorOf([&] { bench.run(0); });
    hasFailed = disk.failed() > 0;
    disk.failAfter(INT64_MAX, 0);
    // Values on the way are dropped without a word, so that not every failure is an error.
    if (!message.empty())
      CHECK(message == "cannot write to the study `" + bench.path +
                           "`: the disk is full; every trial that has ended is safe; make room and "
                           "go on with `--resume`");
    CHECK(openSqliteStoreToRead(bench.path)->counts().failed == 0);
    CHECK(bench.run(0) == SearchEnd::Complete);
    auto store = openSqliteStoreToRead(bench.path);
    CHECK(store->counts().done == kTrials);
    if (!message.empty())
      CHECK(findDifference(describeStudy(*store), expected).empty());
    if (writes > 40)
      writes += 6; // the first ones are opening and the first trials
  }
  CHECK(writes > 100);
}

TEST_CASE("a search waits for room on the disk") {
  FaultyDisk disk;
  Bench bench(disk.name());
  disk.failAfter(60, 20);
  CHECK(bench.run(1000) == SearchEnd::Complete);
  CHECK(disk.failed() == 20);
  REQUIRE(!bench.notes.empty());
  CHECK(bench.notes[0].ends_with("; trying again"));
  CHECK(openSqliteStoreToRead(bench.path)->counts().done == kTrials);
}

TEST_CASE("a file that may grow no more is a full disk") {
  Bench bench(nullptr);
  std::string message;
  {
    FileSizeLimit limit(60'000);
    message = errorOf([&] { bench.run(0); });
  }
  CHECK(message == "cannot write to the study `" + bench.path +
                       "`: the disk takes no more: a quota, a limit of the size of files, or an "
                       "error of the disk; every trial that has ended is safe; make room and go on "
                       "with `--resume`");
  CHECK(bench.run(0) == SearchEnd::Complete);
  std::string study = describeStudy(*openSqliteStoreToRead(bench.path));
  CHECK(findDifference(study, runWhole()).empty());
}
