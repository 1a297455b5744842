// The cells of a study: which trials are of the same one, what its quality is, where it comes from,
// and the best ones as a file.
#include "search/leaderboard.h"

#include "search/best_cells.h"
#include "search/cell_text.h"
#include "search/evaluator.h"
#include "search/family.h"
#include "tests/search/studies.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace cellwright;

namespace {

/// A study of one kind in a folder of its own.
struct OpenStudy {
  explicit OpenStudy(const std::string &kind) {
    makeStudy(kind, folder / "s.db");
    store = openSqliteStoreToRead(folder / "s.db");
  }

  TemporaryFolder folder;
  std::unique_ptr<Store> store;
};

/// Trials as CellGroups takes them.
class Trials {
public:
  explicit Trials(const StudyConfig &config = cellStudyConfig()) : groups(config) {}

  StoredTrial &make(const std::string &hash, double quality, uint64_t seed) {
    trial = {};
    trial.record.number = ++number;
    trial.record.state = TrialState::Done;
    trial.record.spec.task = "adding";
    trial.record.spec.seed = seed;
    trial.record.result.quality = quality;
    trial.record.result.updates = 1000;
    trial.hash = hash;
    return trial;
  }
  void add(const std::string &hash, double quality, uint64_t seed) {
    groups.add(make(hash, quality, seed));
  }

  void fail(const std::string &hash, TrialStatus status, uint64_t seed) {
    TrialRecord &record = make(hash, 0, seed).record;
    record.state = TrialState::Failed;
    record.result = failTrial(status, "for a reason");
    record.result.updates = 37;
    groups.add(trial);
  }

  CellGroups groups;
  StoredTrial trial;
  int64_t number = 0;
};

} // namespace

TEST_CASE("trials are of the same cell if one repeats the other, or both have the same hash") {
  Trials trials;
  trials.add("a", 0.5, 1);
  trials.add("b", 0.6, 2);
  trials.add("a", 0.7, 3);
  trials.make("", 0.1, 4).record.repeats = 2;
  trials.groups.add(trials.trial);
  trials.add("", 0.3, 5); // of itself
  trials.add("", 0.2, 6);
  CHECK(trials.groups.firstTrial(3) == 1);
  CHECK(trials.groups.firstTrial(4) == 2);
  CHECK(trials.groups.firstTrial(99) == 99);
  std::vector<RankedCell> cells = trials.groups.rank();
  REQUIRE(cells.size() == 4);
  CHECK(cells[0].trial == 1);
  CHECK(cells[0].mean.quality == doctest::Approx(0.6));
  CHECK(cells[0].deviation == doctest::Approx(std::sqrt(0.02)));
  CHECK(cells[0].runs == std::vector<int64_t>{1, 3});
  CHECK(cells[1].trial == 2);
  CHECK(cells[1].seeds() == 2);
}

TEST_CASE("a cell's quality is that of its best setting, other settings are counted beside it") {
  Trials trials;
  trials.add("a", 0.5, 1);
  trials.make("a", 0.9, 2).record.spec.hyper.learningRate = 1;
  trials.groups.add(trials.trial);
  trials.make("a", 0.8, 3).record.result.updates = 500;
  trials.groups.add(trials.trial);
  std::vector<RankedCell> cells = trials.groups.rank();
  REQUIRE(cells.size() == 1);
  CHECK(cells[0].mean.quality == 0.9);
  CHECK(cells[0].hyper.learningRate == 1);
  CHECK(cells[0].seeds() == 1);
  CHECK(cells[0].deviation == 0);
  CHECK(cells[0].trials == 3);
  CHECK(cells[0].meanOfTrials == doctest::Approx(2.2 / 3));
}

TEST_CASE("the same seed again says nothing new") {
  Trials trials;
  trials.add("a", 0.5, 1);
  trials.add("a", 0.5, 1);
  CHECK(trials.groups.rank().at(0).seeds() == 1);
}

TEST_CASE("other tasks, failures and qualities that are no numbers do not rank") {
  Trials trials;
  trials.make("a", 1, 1).record.spec.task = "copy";
  trials.groups.add(trials.trial);
  trials.make("b", 1, 1).record.state = TrialState::Failed;
  trials.groups.add(trials.trial);
  trials.add("c", std::nan(""), 1);
  trials.make("d", 1, 1).record.state = TrialState::Running;
  trials.groups.add(trials.trial);
  CHECK(trials.groups.rank().empty());
  trials.add("b", 0.25, 2);
  REQUIRE(trials.groups.rank().size() == 1);
  CHECK(trials.groups.rank()[0].failures == 1);
  CHECK(trials.groups.rank()[0].trial == 2);
}

TEST_CASE("settings differ by the optimizer, which is that of the best one") {
  Trials trials;
  trials.add("a", 0.5, 1);
  trials.make("a", 0.75, 2).record.spec.hyper.optimizer = "sgd";
  trials.groups.add(trials.trial);
  std::vector<RankedCell> cells = trials.groups.rank();
  CHECK(cells.at(0).hyper.optimizer == "sgd");
  CHECK(cells[0].runs == std::vector<int64_t>{2});
}

//===-- Seeds that fail -----------------------------------------------------------------------===//

TEST_CASE("a seed that failed counts as the worst quality of the study") {
  Trials trials;
  trials.add("fails", 0.9, 1);
  for (uint64_t seed : {2, 3, 4, 5})
    trials.fail("fails", TrialStatus::Diverged, seed);
  trials.add("holds", 0.7, 1);
  trials.add("worst", 0.1, 1);
  std::vector<RankedCell> cells = trials.groups.rank();
  REQUIRE(cells.size() == 3);
  CHECK(cells[0].trial == 6);
  CHECK(cells[0].failedSeeds == 0);
  CHECK(cells[1].trial == 1);
  CHECK(cells[1].mean.quality == doctest::Approx((0.9 + 4 * 0.1) / 5));
  CHECK(cells[1].failedSeeds == 4);
  CHECK(cells[1].failures == 4);
  CHECK(cells[1].runs == std::vector<int64_t>{1});
  // What was not measured is no spread.
  CHECK(cells[1].deviation == 0);
}

TEST_CASE("where less is better, the worst is the greatest") {
  StudyConfig config = cellStudyConfig();
  config.objectives = {{Measure::Quality, false}};
  Trials trials(config);
  trials.add("fails", 1, 1);
  trials.fail("fails", TrialStatus::Diverged, 2);
  trials.add("holds", 2, 1);
  trials.add("worst", 9, 1);
  std::vector<RankedCell> cells = trials.groups.rank();
  CHECK(cells.at(0).trial == 3);
  CHECK(cells.at(1).mean.quality == 5);
}

TEST_CASE("a cell's best setting is the one that is best with its failures") {
  Trials trials;
  trials.add("a", 0.9, 1);
  trials.fail("a", TrialStatus::Crashed, 2);
  trials.make("a", 0.8, 1).record.spec.hyper.learningRate = 0.1;
  trials.groups.add(trials.trial);
  trials.add("b", 0.1, 1);
  RankedCell cell = trials.groups.rank().at(0);
  CHECK(cell.hyper.learningRate == 0.1);
  CHECK(cell.mean.quality == 0.8);
  CHECK(cell.failedSeeds == 0);
  CHECK(cell.failures == 1);
}

TEST_CASE("a seed fails by whatever its trial ended, but for a worker that was killed") {
  Trials trials;
  trials.add("a", 0.9, 1);
  uint64_t seed = 2;
  for (TrialStatus status : {TrialStatus::Diverged, TrialStatus::Crashed, TrialStatus::NoMemory,
                             TrialStatus::NoTime, TrialStatus::Lost})
    trials.fail("a", status, seed++);
  trials.add("a", std::nan(""), seed);
  RankedCell cell = trials.groups.rank().at(0);
  CHECK(cell.failedSeeds == 5);
  CHECK(cell.failures == 6);
}

TEST_CASE("a seed counts once, and has not failed if it gave a quality once") {
  Trials trials;
  trials.fail("a", TrialStatus::NoTime, 1);
  trials.fail("a", TrialStatus::NoTime, 2);
  trials.fail("a", TrialStatus::NoTime, 2);
  trials.add("a", 0.9, 1);
  trials.add("a", 0.8, 3);
  trials.fail("a", TrialStatus::NoTime, 3);
  RankedCell cell = trials.groups.rank().at(0);
  CHECK(cell.failedSeeds == 1);
  CHECK(cell.seeds() == 2);
  CHECK(cell.failures == 4);
}

//===-- Order and certainty -------------------------------------------------------------------===//

TEST_CASE("where less is better, the least is first, of equals the oldest") {
  StudyConfig config = cellStudyConfig();
  config.objectives = {{Measure::Quality, false}};
  Trials trials(config);
  for (double quality : {0.5, 0.25, 0.75, 0.25})
    trials.add(std::to_string(trials.number), quality, 1);
  std::vector<int64_t> order;
  for (const RankedCell &cell : trials.groups.rank())
    order.push_back(cell.trial);
  CHECK(order == std::vector<int64_t>{2, 4, 1, 3});
}

TEST_CASE("nothing is known of noise if no cell has two seeds") {
  Trials trials;
  trials.add("a", 0.5, 1);
  trials.add("b", 0.6, 1);
  RankingCertainty certainty = certaintyOf(trials.groups.rank());
  CHECK(certainty.repeated == 0);
  CHECK(certainty.deviation == 0);
  CHECK(certainty.close == 0);
  CHECK(certaintyOf({}).repeated == 0);
}

TEST_CASE("cells are close to the best that are within two standard errors") {
  Trials trials;
  trials.add("a", 0.9, 1);
  trials.add("a", 0.8, 2); // mean 0.85
  trials.add("b", 0.7, 1); // a single seed: its error is sqrt(3/2) deviations
  trials.add("c", 0.6, 1);
  trials.add("d", 0.5, 1);
  RankingCertainty certainty = certaintyOf(trials.groups.rank());
  CHECK(certainty.repeated == 1);
  CHECK(certainty.deviation == doctest::Approx(std::sqrt(0.005)));
  CHECK(certainty.close == 1); // 0.15 away is 1.73 errors, 0.25 is 2.9
}

//===-- Families ------------------------------------------------------------------------------===//

TEST_CASE("a family has all ancestors, with what each edit changed") {
  OpenStudy study("cells");
  CellGroups groups(cellStudyConfig());
  study.store->visitTrials([&](const StoredTrial &trial) { groups.add(trial); });
  // The winner, by a trial that repeats it.
  Family family = readFamily(*study.store, groups, 6, 100);
  REQUIRE(family.members.size() == 4);
  CHECK(family.left == 0);
  CHECK(family.members[0].trial == 1);
  CHECK(family.members[0].parents.empty());
  CHECK(family.members[0].difference.empty());
  CHECK(family.members[2].trial == 3);
  CHECK(family.members[2].edit == "tanh becomes relu");
  CHECK(family.members[2].difference == "-  n = tanh(linear(x, h))\n+  n = relu(linear(x, h))");
  CHECK(family.members[3].trial == 4);
  CHECK(family.members[3].parents == std::vector<int64_t>{3, 2});
  CHECK(family.members[3].edit == "a part of the other parent");
  CHECK(family.members[3].difference == "-  h' = z * h + (1 - z) * n\n+  h' = z * h + z * n");
  family = readFamily(*study.store, groups, 4, 2);
  REQUIRE(family.members.size() == 2);
  CHECK(family.members[0].trial == 3);
  CHECK(family.left == 2);
}

TEST_CASE("parents are cells, by whichever of their trials they are called") {
  TemporaryFolder folder;
  StudyMaker maker(folder / "s.db", cellStudyConfig());
  NewTrial first = maker.trialOf(gatedCell("z"));
  maker.add(first, 0.5);
  first.repeats = 1;
  maker.add(first, 0.5);
  NewTrial child = maker.trialOf(gatedCell("0.5"));
  child.candidate.parents = {2, 1};
  maker.add(child, 0.75);
  child.candidate.parents = {3};
  maker.add(child, 0.75); // the same by its hash
  auto store = openSqliteStoreToRead(folder / "s.db");
  CellGroups groups(cellStudyConfig());
  store->visitTrials([&](const StoredTrial &trial) { groups.add(trial); });
  Family family = readFamily(*store, groups, 4, 10);
  REQUIRE(family.members.size() == 2);
  CHECK(family.members[0].trial == 1);
  CHECK(family.members[1].trial == 3);
  CHECK(family.members[1].parents == std::vector<int64_t>{1});
}

//===-- The best as a file --------------------------------------------------------------------===//

TEST_CASE("the best cell is a cell with a comment that says what it reached") {
  OpenStudy study("cells");
  BestCells best = writeBestCells(*study.store, "s\n.db", 1);
  CHECK(best.count == 1);
  CHECK(best.text ==
        "# Place 1 of the study s .db, trial 4; space jozefowicz, strategy evolution.\n"
        "# Quality 0.85 on adding, higher is better: mean of 3 seeds, standard deviation 0.05.\n"
        "# Optimizer adam, learning rate 0.01, initialization scale 1, gradient norm at most 5, 1 "
        "layer, H = 64, "
        "1000 updates; 11500 parameters.\n" +
            gatedCell("z", "relu"));
}

TEST_CASE("the comment on a cell says how many seeds failed, and what its optimizer is") {
  TemporaryFolder folder;
  makeStudy("unsteady", folder / "s.db");
  BestCells best = writeBestCells(*openSqliteStoreToRead(folder / "s.db"), "s.db", 2);
  for (
      const char *line :
      {"\n# Quality 0.7 on adding, higher is better: one seed: how much another one changes is not "
       "known.\n# Optimizer sgd, learning rate 0.01,",
       "\n# Quality 0.56 on adding, higher is better: mean of 5 seeds, of which 3 failed and count "
       "as the worst quality of the study, standard deviation of the others 0.07",
       "\n# Optimizer sgd, learning rate 0.01,"})
    CHECK_MESSAGE(best.text.find(line) != std::string::npos, best.text);
}

TEST_CASE("several best cells have names of their own, and are as many as there are") {
  OpenStudy study("cells");
  BestCells best = writeBestCells(*study.store, "s.db", 9);
  CHECK(best.count == 4);
  for (const char *line :
       {"\ncell gated_4 {\n", "\ncell gated_3 {\n", "\ncell gated_1 {\n", "\ncell gated_2 {\n",
        "one seed: how much another one changes is not known"})
    CHECK_MESSAGE(best.text.find(line) != std::string::npos, line);
}

TEST_CASE("without a quality there is no best cell, and a text that is none is not written") {
  OpenStudy failures("failures"), toys("toys");
  CHECK(errorOf([&] { writeBestCells(*failures.store, "s.db", 1); }) ==
        "no trial of the study `s.db` has ended with a quality on its task: there is no best cell "
        "yet");
  std::string message = errorOf([&] { writeBestCells(*toys.store, "s.db", 1); });
  CHECK_MESSAGE(
      message.starts_with(
          "this version of cellwright does not take the cell of trial 2: this is no cell"),
      message);
}
