// The store: leases, fences, events, and what is said of files that are none or cannot be used.
#include "search/sqlite_store.h"

#include "runtime/files.h"
#include "search/process_identity.h"
#include "tests/search/toy_search.h"
#include "tests/search/without_rights.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <sys/stat.h>

using namespace cellwright;

namespace {

using Kind = StoreError::Kind;

/// A study with a clock that the test turns, and workers that it lets die.
struct Bench {
  Bench() { beginStudy(path, toyConfig(), "1.2.3", false); }

  std::unique_ptr<Store> open(const std::string &process = "one", int64_t mostAttempts = 3) {
    SqliteOptions options;
    options.leaseSeconds = 60;
    options.mostAttempts = mostAttempts;
    options.clock = [this] { return now; };
    options.process = process;
    options.mayBeAlive = [this](const std::string &name) { return name != dead; };
    return openSqliteStore(path, options);
  }

  TemporaryFolder folder;
  std::string path = folder / "s.db";
  double now = 1000;
  std::string dead = "nobody";
};

NewTrial makeTrial(const std::string &word) {
  NewTrial trial;
  trial.candidate = makeToy(word);
  trial.candidate.parents = {3, 4};
  trial.candidate.edit = "an edit";
  trial.spec = {word, "sum", {0.01, 1, 5, 2, 16}, 64, 4, 0xFFFFFFFFFFFFFFFFu, true};
  trial.repeats = 2;
  trial.note = "{\"a\":1}";
  trial.hash = "hash of " + word;
  return trial;
}

ClaimedTrial addTrial(Store &store, const std::string &word) {
  ClaimedTrial claimed;
  store.decide([&](Decision &decision) { claimed = decision.addTrial(makeTrial(word)); });
  return claimed;
}

std::optional<ClaimedTrial> claimLost(Store &store) {
  std::optional<ClaimedTrial> claimed;
  store.decide([&](Decision &decision) { claimed = decision.claimLost(); });
  return claimed;
}

TrialResult makeResult(double quality) {
  TrialResult result;
  result.quality = quality;
  result.testQuality = 0.25;
  result.updates = 64;
  result.parameters = 1234;
  result.flopsPerStep = 5678;
  result.stepSeconds = 1e-5;
  result.compileSeconds = 0.1;
  result.seconds = 2.5;
  return result;
}

Kind kindOf(const std::function<void()> &action) {
  try {
    action();
  } catch (const StoreError &error) {
    return error.kind;
  }
  FAIL("expected a StoreError");
  return Kind::Failed;
}

} // namespace

//===-- Trials --------------------------------------------------------------------------------===//

TEST_CASE("a store in memory keeps what one in a file keeps") {
  Bench bench;
  std::unique_ptr<Store> stores[] = {bench.open(),
                                     makeStoreInMemory(newStudy(toyConfig(), "1.2.3"))};
  std::string described[2];
  for (int i = 0; i < 2; ++i) {
    Store &store = *stores[i];
    ClaimedTrial first = addTrial(store, "12345678"), second = addTrial(store, "87654321");
    CHECK(store.addValue(first.lease, {16, 0.5}));
    CHECK(store.finish(first.lease, makeResult(0.75)));
    CHECK_FALSE(store.finish(first.lease, makeResult(0.5)));
    CHECK(store.finish(second.lease, failTrial(TrialStatus::Crashed, "signal 11")));
    described[i] = describeStudy(store);
  }
  CHECK(findDifference(described[0], described[1]).empty());
  CHECK(stores[1]->counts().done == 1);
}

TEST_CASE("a trial is read as it was written") {
  Bench bench;
  auto store = bench.open();
  ClaimedTrial claimed = addTrial(*store, "12345678");
  NewTrial written = makeTrial("12345678");
  CHECK(claimed.lease.trial == 1);
  CHECK(claimed.spec == written.spec);
  CHECK(store->addValue(claimed.lease, {32, 0.5}));
  CHECK(store->addValue(claimed.lease, {64, std::nan("")}));
  bench.now = 1010;
  CHECK(store->finish(claimed.lease, makeResult(0.1)));
  StoredTrial read = bench.open()->trial(1);
  CHECK(read.record.candidate == written.candidate);
  CHECK(read.record.spec == written.spec);
  CHECK(read.record.repeats == 2);
  CHECK(read.record.note == written.note);
  CHECK(read.hash == written.hash);
  CHECK(read.record.state == TrialState::Done);
  CHECK(read.record.result == makeResult(0.1));
  CHECK(read.started == 1000);
  CHECK(read.ended == 1010);
  CHECK(read.attempts == 1);
  CHECK(read.worker == processName());
  REQUIRE(read.values.size() == 2);
  CHECK(read.values[0] == TrialValue{32, 0.5});
  CHECK(std::isnan(read.values[1].value));
  CHECK(errorOf([&] { (void)store->trial(2); }) == "there is no trial 2 in this study");
}

TEST_CASE("counts are exact and say why") {
  Bench bench;
  auto store = bench.open();
  for (const char *word : {"1", "2", "3", "4"})
    addTrial(*store, word);
  store->finish({1, 1}, makeResult(0.5));
  store->finish({2, 2}, failTrial(TrialStatus::Crashed, "signal"));
  store->finish({3, 3}, failTrial(TrialStatus::NoTime, "slow"));
  store->decide([](Decision &decision) {
    decision.countRefused("duplicate");
    decision.countRefused("check");
    decision.countRefused("duplicate");
  });
  StudyCounts counts = store->counts();
  CHECK(counts.started == 4);
  CHECK(counts.done == 1);
  CHECK(counts.failed == 2);
  CHECK(counts.failures == std::vector<NamedCount>{{"crashed", 1}, {"no-time", 1}});
  CHECK(counts.refused == std::vector<NamedCount>{{"check", 1}, {"duplicate", 2}});
  CHECK(store->trial(2).record.result.reason == "signal");
  CHECK(counts.running == 1);
  REQUIRE(store->running().size() == 1);
  CHECK(store->running()[0].record.number == 4);
}

TEST_CASE("a trial whose process is gone is interrupted and does not run") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  addTrial(*one, "1");
  addTrial(*two, "2");
  bench.dead = "one";
  CHECK(two->counts().running == 1);
  CHECK(two->counts().interrupted == 1);
  REQUIRE(two->running().size() == 1);
  CHECK(two->running()[0].record.number == 2);
}

TEST_CASE("the best are those of a task with the best quality, the oldest first") {
  Bench bench;
  auto store = bench.open();
  for (double quality : {0.5, 0.9, 0.1, 0.9})
    store->finish(addTrial(*store, std::to_string(quality)).lease, makeResult(quality));
  store->finish(addTrial(*store, "x").lease, failTrial(TrialStatus::Diverged, ""));
  auto numbersOf = [](const std::vector<StoredTrial> &trials) {
    std::vector<int64_t> numbers;
    for (const StoredTrial &trial : trials)
      numbers.push_back(trial.record.number);
    return numbers;
  };
  CHECK(numbersOf(store->best(3, true, "sum")) == std::vector<int64_t>{2, 4, 1});
  CHECK(numbersOf(store->best(9, false, "sum")) == std::vector<int64_t>{3, 1, 2, 4});
  CHECK(store->best(9, true, "gate").empty());
}

TEST_CASE("a decision that fails leaves nothing") {
  Bench bench;
  auto store = bench.open();
  std::string before = describeStudy(*store);
  CHECK(errorOf([&] {
          store->decide([](Decision &decision) {
            decision.addTrial(makeTrial("1"));
            decision.countRefused("duplicate");
            decision.saveSnapshot("{}");
            decision.saveRandomState({1, 2, 3, 4});
            throw Error("changed its mind");
          });
        }) == "changed its mind");
  CHECK(describeStudy(*store) == before);
  store->decide([](Decision &decision) {
    CHECK(decision.randomState() == Random(7, "search").state());
    CHECK_FALSE(decision.snapshot());
    CHECK_FALSE(decision.isKnown("hash of 1"));
    CHECK(decision.trialCount() == 0);
  });
}

TEST_CASE("what a decision wrote the next one reads") {
  Bench bench;
  bench.open()->decide([](Decision &decision) {
    decision.addTrial(makeTrial("1"));
    decision.saveSnapshot("{\"a\":\"ä\"}");
    decision.saveRandomState({1, 2, 3, 0xFFFFFFFFFFFFFFFFu});
  });
  bench.open()->decide([](Decision &decision) {
    CHECK(decision.randomState() == std::array<uint64_t, 4>{1, 2, 3, 0xFFFFFFFFFFFFFFFFu});
    REQUIRE(decision.snapshot());
    CHECK(decision.snapshot()->state == "{\"a\":\"ä\"}");
    CHECK(decision.snapshot()->event == 1);
    CHECK(decision.snapshotSize() == std::pair<int64_t, int64_t>(10, 1));
    CHECK(decision.isKnown("hash of 1"));
    CHECK_FALSE(decision.isKnown("hash of 2"));
    CHECK(decision.trialCount() == 1);
    CHECK(decision.unfinishedCount() == 1);
    CHECK(decision.trial(1).candidate.cell == "1");
  });
}

TEST_CASE("events come in the order in which they happened, as they were then") {
  Bench bench;
  auto store = bench.open();
  ClaimedTrial first = addTrial(*store, "1"), second = addTrial(*store, "2");
  store->finish(second.lease, makeResult(0.5));
  addTrial(*store, "3");
  store->finish(first.lease, failTrial(TrialStatus::Crashed, ""));
  auto eventsAfter = [&](int64_t after) {
    std::string text;
    store->decide([&](Decision &decision) {
      decision.visitEvents(after, [&](const TrialEvent &event) {
        text += fmt::format("{}:{}{}:{} ", event.number, event.isEnd ? "end" : "start",
                            event.trial.number, event.trial.result.quality);
      });
    });
    return text;
  };
  CHECK(eventsAfter(0) == "1:start1:0 2:start2:0 3:end2:0.5 4:start3:0 5:end1:0 ");
  CHECK(eventsAfter(3) == "4:start3:0 5:end1:0 ");
  CHECK(eventsAfter(5).empty());
}

//===-- Leases --------------------------------------------------------------------------------===//

TEST_CASE("a trial is its worker's until its lease ends, and then the next one's") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  ClaimedTrial first = addTrial(*one, "1");
  bench.now = 1059;
  CHECK_FALSE(claimLost(*two));
  bench.now = 1060;
  std::optional<ClaimedTrial> second = claimLost(*two);
  REQUIRE(second);
  CHECK(second->lease.trial == 1);
  CHECK(second->lease.fence > first.lease.fence);
  CHECK(second->spec == first.spec);
  CHECK_FALSE(claimLost(*one));
  CHECK(one->trial(1).attempts == 1); // its worker was lost, not its own process
}

TEST_CASE("a heartbeat keeps a lease") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  Lease lease = addTrial(*one, "1").lease;
  for (int i = 0; i < 5; ++i) {
    bench.now += 50;
    CHECK(one->heartbeat(lease));
    CHECK_FALSE(claimLost(*two));
  }
}

TEST_CASE("whoever lost its lease can change nothing any more") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  Lease old = addTrial(*one, "1").lease;
  CHECK(one->addValue(old, {1, 0.5}));
  bench.now += 100;
  Lease lease = claimLost(*two)->lease;
  CHECK(two->addValue(lease, {2, 0.75}));
  std::string before = describeStudy(*two);
  CHECK_FALSE(one->heartbeat(old));
  CHECK_FALSE(one->addValue(old, {3, 0.5}));
  CHECK_FALSE(one->finish(old, makeResult(0.1)));
  CHECK_FALSE(one->release(old, true));
  CHECK(describeStudy(*two) == before);
  // What the first attempt noted is gone.
  CHECK(two->trial(1).values == std::vector<TrialValue>{{2, 0.75}});
  CHECK(two->finish(lease, makeResult(0.9)));
  CHECK_FALSE(two->finish(lease, makeResult(0.8)));
  CHECK(two->trial(1).record.result.quality == 0.9);
  CHECK(two->counts().done == 1);
}

TEST_CASE("what a dead worker had is free at once") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  addTrial(*one, "1");
  CHECK_FALSE(claimLost(*two));
  bench.dead = "one";
  CHECK(claimLost(*two));
}

TEST_CASE("what was given back is free at once, and is not its worker's any more") {
  Bench bench;
  auto one = bench.open("one"), two = bench.open("two");
  Lease lease = addTrial(*one, "1").lease;
  CHECK(one->release(lease, true));
  CHECK(one->trial(1).record.state == TrialState::Waiting);
  CHECK(one->running().empty());
  CHECK_FALSE(one->heartbeat(lease));
  CHECK_FALSE(one->finish(lease, makeResult(0.5)));
  CHECK(claimLost(*two)->lease.trial == 1);
  CHECK(two->trial(1).record.state == TrialState::Running);
}

TEST_CASE("lost trials are taken in the order of their numbers") {
  Bench bench;
  auto store = bench.open();
  std::vector<Lease> leases;
  for (const char *word : {"1", "2", "3"})
    leases.push_back(addTrial(*store, word).lease);
  store->release(leases[2], true);
  store->release(leases[0], true);
  CHECK(claimLost(*store)->lease.trial == 1);
  CHECK(claimLost(*store)->lease.trial == 3);
  CHECK_FALSE(claimLost(*store));
}

TEST_CASE("a trial whose process is killed time after time has failed") {
  Bench bench;
  auto store = bench.open("one", 3);
  Lease first = addTrial(*store, "1").lease;
  for (int i = 0; i < 2; ++i) {
    store->release(first, true);
    first = claimLost(*store)->lease;
  }
  CHECK(store->trial(1).attempts == 3);
  store->release(first, true);
  CHECK_FALSE(claimLost(*store));
  TrialRecord lost = store->trial(1).record;
  CHECK(lost.state == TrialState::Failed);
  CHECK(lost.result.status == TrialStatus::Lost);
  CHECK(lost.result.reason == "it was begun 3 times, and each time its process was killed");
  CHECK(store->counts().failed == 1);
}

TEST_CASE("a trial whose workers stop or are killed is begun as often as it takes") {
  Bench bench;
  auto store = bench.open("one", 3);
  Lease lease = addTrial(*store, "1").lease;
  for (int i = 0; i < 20; ++i) {
    if (i % 2 == 0)
      store->release(lease, false);
    else
      bench.now += 100;
    std::optional<ClaimedTrial> again = claimLost(*store);
    REQUIRE(again);
    lease = again->lease;
    CHECK(store->trial(1).attempts == 1);
  }
}

TEST_CASE("without a clock of its own a store takes the database's") {
  Bench bench;
  auto store = openSqliteStore(bench.path);
  addTrial(*store, "1");
  // Between 2020 and 2100.
  CHECK(store->trial(1).started > 1.5e9);
  CHECK(store->trial(1).started < 4.1e9);
  CHECK_FALSE(claimLost(*store));
}

//===-- Processes -----------------------------------------------------------------------------===//

TEST_CASE("a process is alive until it ends") {
  CHECK(mayBeAlive(processIdentity()));
  CHECK(mayBeAlive("another machine/1/2"));
  CHECK(mayBeAlive("no identity"));
  std::string own = processIdentity();
  std::string place = own.substr(0, own.rfind('/', own.rfind('/') - 1));
  CHECK_FALSE(mayBeAlive(place + "/1073741824/5"));
  // The number of this process, but of one that began at another time.
  CHECK_FALSE(mayBeAlive(own + "1"));
}

//===-- Studies -------------------------------------------------------------------------------===//

TEST_CASE("a study says what it is") {
  Bench bench;
  StudyInfo info = bench.open()->study();
  CHECK(parseStudyConfig(info.config) == toyConfig());
  CHECK(info.program == "1.2.3");
  CHECK(info.schema == kSchemaVersion);
  CHECK(info.created > 1.5e9);
  CHECK(bench.folder.names() == std::vector<std::string>{"s.db"});
}

TEST_CASE("who wants the same search joins, who wants another is told the differences") {
  Bench bench;
  CHECK_NOTHROW(beginStudy(bench.path, toyConfig(), "1.2.3", false));
  CHECK_NOTHROW(beginStudy(bench.path, toyConfig(), "1.2.3", true));
  StudyConfig other = toyConfig();
  other.task = "adding";
  other.more["text"] = "a.txt";
  other.seed = 8;
  CHECK(errorOf([&] { beginStudy(bench.path, other, "1.2.3", false); }) ==
        "the study `" + bench.path +
            "` is another search; take its options, or another file for this one:\n"
            "  seed: 7 in the study, 8 here\n"
            "  task: \"sum\" in the study, \"adding\" here\n"
            "  text: null in the study, \"a.txt\" here");
}

TEST_CASE("a configuration is read as it was written") {
  StudyConfig config = toyConfig("asha:evolution");
  config.moreTasks = {"a", "b"};
  config.gate = "gate";
  config.options = {{"factor", 3}, {"redraw", 0.1}};
  config.objectives = {{Measure::Quality, false}, {Measure::StepSeconds, false}};
  config.more = {{"text", "a.txt"}};
  CHECK(parseStudyConfig(formatStudyConfig(config)) == config);
  CHECK(errorOf([] { parseStudyConfig("{}"); }).starts_with("this is no configuration of a study"));
}

//===-- Files that cannot be used -------------------------------------------------------------===//

namespace {

/// The message of opening a file, which must be the same to search and to read, and must leave the
/// file as it is.
std::string refusalOf(const std::string &path, Kind kind) {
  std::string before = readFile(path);
  CHECK(kindOf([&] { openSqliteStore(path); }) == kind);
  CHECK(kindOf([&] { openSqliteStoreToRead(path); }) == kind);
  std::string message = errorOf([&] { openSqliteStore(path); });
  CHECK(message == errorOf([&] { openSqliteStoreToRead(path); }));
  CHECK(readFile(path) == before);
  return message;
}

/// A study with some trials, as one file.
std::string fillStudy(Bench &bench) {
  auto store = bench.open();
  for (int i = 0; i < 10; ++i) {
    ClaimedTrial trial = addTrial(*store, std::string(300, static_cast<char>('0' + i)));
    store->addValue(trial.lease, {1, 0.5});
    store->finish(trial.lease, makeResult(0.1 * i));
  }
  store.reset();
  REQUIRE(bench.folder.names() == std::vector<std::string>{"s.db"});
  return readFile(bench.path);
}

} // namespace

TEST_CASE("what is no study is refused with the reason") {
  TemporaryFolder folder;
  std::string path = folder / "f";
  CHECK(kindOf([&] { openSqliteStore(path); }) == Kind::Missing);
  CHECK(errorOf([&] { openSqliteStore(path); }) ==
        "there is no study `" + path + "`: No such file or directory");
  CHECK(errorOf([&] { openSqliteStore(folder / "."); }) ==
        "`" + (folder / ".") + "` is no study: it is no regular file");
  writeFile(path, "cell x {}\n");
  CHECK(refusalOf(path, Kind::Foreign) ==
        "`" + path +
            "` is no study: it is no SQLite database; name another file, or a new one to "
            "begin a study");
  writeFile(path, std::string(10'000, 'x'));
  CHECK(refusalOf(path, Kind::Foreign).find("it is no SQLite database") != std::string::npos);
  writeFile(path, "");
  CHECK(refusalOf(path, Kind::Damaged) ==
        "`" + path +
            "` is empty: a study of which nothing is left, or no study; remove it to begin "
            "a study of that name");
}

TEST_CASE("a database of another program is refused") {
  TemporaryFolder folder;
  std::string path = folder / "f";
  Database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path).execute("CREATE TABLE t(a)");
  CHECK(refusalOf(path, Kind::Foreign) ==
        "`" + path +
            "` is no study: it is a database of another program; name another file, or a "
            "new one to begin a study");
}

TEST_CASE("a study of a newer version is refused, with the version") {
  Bench bench;
  Database(bench.path, SQLITE_OPEN_READWRITE, bench.path).execute("PRAGMA user_version = 7");
  CHECK(refusalOf(bench.path, Kind::Newer) ==
        "the study `" + bench.path +
            "` was made by cellwright 1.2.3, whose studies have form 7; "
            "this program knows forms up to 1; use that one or a newer");
  Database(bench.path, SQLITE_OPEN_READWRITE, bench.path).execute("DROP TABLE study");
  CHECK(refusalOf(bench.path, Kind::Newer) ==
        "the study `" + bench.path +
            "` was made by a newer cellwright, whose studies have form 7; "
            "this program knows forms up to 1; use that one or a newer");
}

TEST_CASE("a study truncated anywhere is refused, and left as it is") {
  Bench bench;
  std::string whole = fillStudy(bench);
  std::string path = bench.folder / "t.db";
  constexpr size_t kEvery = 97;
  for (size_t size = kEvery; size < whole.size(); size += kEvery) {
    CAPTURE(size);
    writeFile(path, whole.substr(0, size));
    std::string message = refusalOf(path, Kind::Damaged);
    CHECK(message.starts_with("the study `" + path + "` is damaged: it has " +
                              std::to_string(size) + " bytes of at least "));
    CHECK(message.find("sqlite3 " + path + " .recover | sqlite3 rescued.db") != std::string::npos);
  }
}

TEST_CASE(
    "a study with overwritten pages is refused or read, and never takes the program with it") {
  Bench bench;
  std::string whole = fillStudy(bench);
  std::string path = bench.folder / "t.db";
  Random random(1, "overwrite");
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    std::string bytes = whole;
    size_t at = 100 + random.below(bytes.size() - 200);
    for (size_t j = 0; j < 64; ++j)
      bytes[at + j] = static_cast<char>(random.below(256));
    writeFile(path, bytes);
    refused += !errorOf([&] {
                  auto store = openSqliteStoreToRead(path);
                  store->visitTrials([](const StoredTrial &) {});
                }).empty();
  }
  CHECK(refused > 10);
}

TEST_CASE("a study that another program has locked is not waited for without end") {
  Bench bench;
  Database other(bench.path, SQLITE_OPEN_READWRITE, bench.path);
  auto store = openSqliteStore(bench.path, {.busySeconds = 0});
  other.execute("BEGIN IMMEDIATE");
  auto decide = [&] { store->decide([](Decision &) {}); };
  CHECK(kindOf(decide) == Kind::Busy);
  CHECK(errorOf(decide) == "the study `" + bench.path +
                               "` has been locked by another program for 0 seconds; `fuser " +
                               bench.path + "` shows which; end it, or wait and try again");
  other.execute("ROLLBACK");
  CHECK_NOTHROW(decide());
}

TEST_CASE("a study that may not be written is refused to search, and can be read") {
  Bench bench;
  fillStudy(bench);
  std::string message = "the study `" + bench.path +
                        "` cannot be written: the file or its folder is read-only; a search also "
                        "writes `" +
                        bench.path +
                        "-wal` beside it; permit that, or copy the study to where you "
                        "may write";
  std::string before = readFile(bench.path);
  auto check = [&] {
    CHECK(kindOf([&] { openSqliteStore(bench.path); }) == Kind::ReadOnly);
    CHECK(errorOf([&] { openSqliteStore(bench.path); }) == message);
    CHECK(openSqliteStoreToRead(bench.path)->counts().done == 10);
    CHECK(kindOf([&] {
            openSqliteStoreToRead(bench.path)->decide([](Decision &decision) {
              decision.countRefused("check");
            });
          }) == Kind::ReadOnly);
  };
  SUBCASE("the file") {
    ::chmod(bench.path.c_str(), 0444);
    WithoutRights rights(bench.folder / ".", 0777);
    check();
  }
  SUBCASE("the folder") {
    ::chmod(bench.path.c_str(), 0666);
    WithoutRights rights(bench.folder / ".", 0555);
    check();
  }
  CHECK(readFile(bench.path) == before);
  CHECK_NOTHROW(openSqliteStore(bench.path));
}

TEST_CASE("a study cannot be begun where nothing may be written") {
  TemporaryFolder folder;
  WithoutRights rights(folder / ".", 0555);
  std::string path = folder / "s.db";
  CHECK(errorOf([&] { beginStudy(path, toyConfig(), "1", false); }) ==
        "cannot write `" + path + "`: making a temporary file beside it failed: Permission denied");
}

TEST_CASE("of two that begin a study at the same time one begins and the other joins") {
  TemporaryFolder folder;
  std::string path = folder / "s.db";
  NewStudy study = {formatStudyConfig(toyConfig()), "1", {1, 2, 3, 4}};
  createSqliteStudy(path, study);
  std::string before = readFile(path);
  CHECK(kindOf([&] { createSqliteStudy(path, study); }) == Kind::Exists);
  CHECK(readFile(path) == before);
  CHECK(folder.names() == std::vector<std::string>{"s.db"});
}
