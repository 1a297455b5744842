// Strategies on the toy space, without a store: what each does by its paper, and what all must do.
#include "search/strategy.h"

#include "tests/search/toy_search.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

using namespace cellwright;

namespace {

/// Plays a strategy: so many trials run at a time, and end in an order that a seed draws.
class Play : public TrialArchive {
public:
  Play(const std::string &name, std::map<std::string, double> options = {},
       const StudyConfig &config = toyConfig(), bool hasStarts = false)
      : space(8, hasStarts), setup(config.setup(space)), name(name), options(std::move(options)) {
    setup.makeController = makeToyController;
    strategy = make();
  }

  std::unique_ptr<Strategy> make() const { return makeStrategy(name, setup, options); }
  TrialRecord trial(int64_t number) const override {
    return trials.at(static_cast<size_t>(number - 1));
  }

  /// Starts a trial; false if the strategy waits.
  bool start() {
    std::optional<Proposal> proposal = strategy->ask(random, *this);
    if (!proposal)
      return false;
    TrialRecord trial;
    trial.number = static_cast<int64_t>(trials.size()) + 1;
    trial.candidate = proposal->candidate;
    trial.spec = {proposal->candidate.cell,
                  proposal->task.empty() ? "sum" : proposal->task,
                  proposal->hyper,
                  proposal->budget,
                  1,
                  0,
                  false};
    trial.repeats = proposal->repeats;
    trial.note = proposal->note;
    trial.state = TrialState::Running;
    trials.push_back(trial);
    running.push_back(trial.number);
    strategy->start(trial);
    return true;
  }

  /// Ends one of the running trials.
  void end() {
    size_t place = order.below(running.size());
    TrialRecord &trial = trials[static_cast<size_t>(running[place] - 1)];
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(place));
    trial.state = TrialState::Done;
    trial.result.quality =
        trial.spec.task == "gate" ? (trial.spec.cell[0] == '0' ? 0 : 1) : toyQuality(trial.spec);
    trial.result.parameters = trial.spec.cell.back() - '0' + 1;
    if (fails && trial.spec.cell[1] == '3') {
      trial.state = TrialState::Failed;
      trial.result = failTrial(TrialStatus::Crashed, "");
    }
    strategy->tell(trial);
    ended.push_back(trial.number);
  }

  void run(size_t count, size_t workers = 1) {
    while (ended.size() < count) {
      while (running.size() < workers && start()) {
      }
      REQUIRE(!running.empty());
      end();
    }
  }

  double bestOf(size_t count) const {
    double best = 0;
    for (size_t i = 0; i < count; ++i)
      best = std::max(best, trials[i].result.quality);
    return best;
  }

  ToySpace space;
  StrategySetup setup;
  std::string name;
  std::map<std::string, double> options;
  std::unique_ptr<Strategy> strategy;
  std::vector<TrialRecord> trials;
  std::vector<int64_t> running, ended;
  Random random{1, "play"}, order{1, "order"};
  bool fails = false;
};

/// Every way to name a strategy of the table, small enough to get far.
std::vector<std::pair<std::string, std::map<std::string, double>>> allStrategies() {
  std::map<std::string, std::map<std::string, double>> options = {
      {"random", {}},
      {"evolution", {{"population", 10}, {"sample", 4}, {"crossover", 0.3}}},
      {"pool", {{"pool", 5}, {"settings", 3}}},
      {"reinforce", {{"batch", 3}}},
  };
  std::vector<std::pair<std::string, std::map<std::string, double>>> all;
  for (const StrategyInfo &info : strategies())
    if (!info.hasInner) {
      REQUIRE_MESSAGE(options.contains(std::string(info.name)), info.name);
      all.emplace_back(info.name, options[std::string(info.name)]);
    }
  size_t plain = all.size();
  for (const StrategyInfo &info : strategies())
    for (size_t i = 0; info.hasInner && i < plain; ++i) {
      std::map<std::string, double> both = all[i].second;
      both["rungs"] = 3;
      all.emplace_back(std::string(info.name) + ":" + all[i].first, both);
    }
  return all;
}

} // namespace

TEST_CASE("a strategy in another's state, told what came later, goes on as that one") {
  for (const auto &[name, options] : allStrategies())
    for (size_t workers : {1, 4}) {
      CAPTURE(name);
      CAPTURE(workers);
      Play play(name, options);
      play.fails = true;
      play.run(60, workers);
      std::string saved = play.strategy->saveState();
      size_t startedBefore = play.trials.size(), endedBefore = play.ended.size();
      play.run(75, workers);
      std::unique_ptr<Strategy> other = play.make();
      other->loadState(saved);
      // In one order that is possible: starts, then ends.
      std::unique_ptr<Strategy> replayed = play.make();
      replayed->loadState(saved);
      CHECK(replayed->saveState() == saved);
      if (workers == 1)
        for (size_t i = endedBefore; i < play.ended.size(); ++i) {
          TrialRecord trial = play.trial(play.ended[i]);
          if (trial.number > static_cast<int64_t>(startedBefore))
            other->start(trial);
          other->tell(trial);
        }
      if (workers == 1)
        CHECK(other->saveState() == play.strategy->saveState());
    }
}

TEST_CASE("asking changes nothing but the random numbers") {
  for (const auto &[name, options] : allStrategies()) {
    CAPTURE(name);
    Play play(name, options);
    play.run(50, 3);
    std::string before = play.strategy->saveState();
    (void)play.strategy->ask(play.random, play);
    CHECK(play.strategy->saveState() == before);
  }
}

TEST_CASE("every strategy goes on with many workers, failures and no order") {
  for (const auto &[name, options] : allStrategies()) {
    CAPTURE(name);
    Play play(name, options);
    play.fails = true;
    play.run(400, 7);
    CHECK(play.ended.size() == 400);
  }
}

TEST_CASE("every strategy refuses what is no state of its own") {
  for (const auto &[name, options] : allStrategies()) {
    if (name == "random")
      continue;
    CAPTURE(name);
    Play play(name, options);
    CHECK(errorOf([&] { play.strategy->loadState("{}"); }).starts_with("this is no state of"));
    CHECK(errorOf([&] { play.strategy->loadState("["); }).starts_with("this is no state of"));
  }
}

TEST_CASE("strategies are named and told by what the table has") {
  ToySpace space;
  StrategySetup setup = toyConfig().setup(space);
  auto messageOf = [&](const char *name, std::map<std::string, double> options = {}) {
    return errorOf([&] { makeStrategy(name, setup, options); });
  };
  CHECK(messageOf("randon") == "unknown strategy `randon`; there are random, pool, evolution, "
                               "reinforce, halving, asha");
  CHECK(messageOf("random:asha") == "strategy `random` schedules no other; leave out `:asha`");
  CHECK(messageOf("asha:") == "unknown strategy ``; there are random, pool, evolution, reinforce, "
                              "halving, asha");
  CHECK(messageOf("asha:evolution", {{"factor", 3}, {"population", 5}}).empty());
  CHECK(messageOf("asha:evolution", {{"pool", 3}}) ==
        "strategy `asha:evolution` has no option `pool`; it has factor, rungs, population, sample, "
        "redraw, crossover");
  CHECK(messageOf("random", {{"pool", 3}}) ==
        "strategy `random` has no option `pool`; it has none");
  CHECK(messageOf("evolution", {{"population", 2.5}}) ==
        "option `population` of strategy `evolution`: expected an integer from 1 to 100000, found "
        "2.5");
  CHECK(messageOf("evolution", {{"redraw", 2}}) ==
        "option `redraw` of strategy `evolution`: expected a number from 0 to 1, found 2");
}

//===-- Evolution -----------------------------------------------------------------------------===//

TEST_CASE("evolution draws its first population and then breeds from the living") {
  constexpr size_t kPopulation = 10;
  Play play("evolution", {{"population", kPopulation}, {"sample", 3}, {"crossover", 0.2}});
  play.run(200);
  for (size_t i = 0; i < play.trials.size(); ++i) {
    const std::vector<int64_t> &parents = play.trials[i].candidate.parents;
    CHECK(parents.empty() == (i < kPopulation));
    // One worker: the living are the last ten trials before this one.
    for (int64_t parent : parents) {
      CHECK(parent > static_cast<int64_t>(i - kPopulation));
      CHECK(parent <= static_cast<int64_t>(i));
    }
  }
}

TEST_CASE("evolution whose sample is large breeds from the best of the living") {
  Play play("evolution", {{"population", 10}, {"sample", 1000}});
  play.run(100);
  for (size_t i = 10; i < play.trials.size(); ++i) {
    double best = 0;
    for (size_t j = i - 10; j < i; ++j)
      best = std::max(best, play.trials[j].result.quality);
    CHECK(play.trial(play.trials[i].candidate.parents[0]).result.quality == best);
  }
}

TEST_CASE("evolution finds better than drawing does") {
  Play evolution("evolution", {{"population", 20}, {"sample", 5}}), random("random");
  evolution.run(500);
  random.run(500);
  CHECK(evolution.bestOf(500) > random.bestOf(500));
}

TEST_CASE("evolution keeps failed trials out of its population") {
  Play play("evolution", {{"population", 10}, {"sample", 3}});
  play.fails = true;
  play.run(200);
  for (const TrialRecord &trial : play.trials)
    for (int64_t parent : trial.candidate.parents)
      CHECK(play.trial(parent).state == TrialState::Done);
}

//===-- Schedulers ----------------------------------------------------------------------------===//

TEST_CASE("halving has rungs of the sizes and budgets that the paper gives") {
  Play play("halving", {{"factor", 3}, {"rungs", 4}});
  for (size_t workers : {1, 5}) {
    CAPTURE(workers);
    size_t begin = play.trials.size();
    play.run(begin + 27 + 9 + 3 + 1, workers);
    std::map<int64_t, int> counts; // by updates
    for (size_t i = begin; i < begin + 40; ++i)
      ++counts[play.trials[i].spec.updates];
    // 64 updates: 64 / 27, 64 / 9 and 64 / 3 are rounded.
    CHECK(counts == std::map<int64_t, int>{{2, 27}, {7, 9}, {21, 3}, {64, 1}});
  }
}

TEST_CASE("rungs that would have the same updates are refused, with what to do") {
  for (const char *name : {"halving", "asha"})
    CHECK(errorOf([&] {
            Play(name, {{"factor", 4}, {"rungs", 5}});
          }) ==
          "64 updates are too few for 5 rungs, each with 4 times the updates of the one below: "
          "two would have 1; expected more updates, or fewer rungs");
}

TEST_CASE("halving takes the best third of each rung") {
  Play play("halving", {{"factor", 3}, {"rungs", 3}});
  play.run(9 + 3 + 1);
  std::vector<double> lowest, promoted;
  for (size_t i = 0; i < 12; ++i) {
    const TrialRecord &trial = play.trials[i];
    if (i < 9)
      lowest.push_back(trial.result.quality);
    else
      promoted.push_back(play.trial(*trial.repeats).result.quality);
  }
  std::sort(lowest.rbegin(), lowest.rend());
  std::sort(promoted.rbegin(), promoted.rend());
  CHECK(promoted == std::vector<double>(lowest.begin(), lowest.begin() + 3));
}

TEST_CASE("a promoted trial has the candidate and hyperparameters of the one below") {
  for (const char *name : {"halving", "asha"}) {
    Play play(name, {{"rungs", 3}});
    play.run(100, 4);
    int promoted = 0;
    for (const TrialRecord &trial : play.trials)
      if (trial.repeats) {
        const TrialRecord &below = play.trial(*trial.repeats);
        CHECK(below.candidate == trial.candidate);
        CHECK(below.spec.hyper == trial.spec.hyper);
        CHECK(below.spec.updates < trial.spec.updates);
        ++promoted;
      }
    CHECK(promoted > 10);
  }
}

TEST_CASE("asha promotes as soon as it can, only from the upper part, and each once") {
  for (size_t workers : {1, 6}) {
    CAPTURE(workers);
    Play play("asha", {{"factor", 4}, {"rungs", 4}});
    play.run(500, workers);
    std::set<int64_t> promoted;
    std::map<int64_t, int64_t> counts; // by updates
    for (const TrialRecord &trial : play.trials) {
      if (trial.repeats)
        CHECK(promoted.insert(*trial.repeats).second);
      ++counts[trial.spec.updates];
    }
    // At most one in four goes on, which the early good ones that later ones overtook exceed a
    // little; and nobody who can go on waits.
    REQUIRE(counts.size() == 4);
    CHECK(counts[4] >= counts[1] / 4 - 6);
    CHECK(counts[4] <= counts[1] / 4 * 2);
    CHECK(counts[64] >= 1);
  }
}

TEST_CASE("asha never waits for a running trial") {
  Play play("asha");
  for (int i = 0; i < 50; ++i)
    CHECK(play.start());
}

//===-- The pool ------------------------------------------------------------------------------===//

namespace {

Play playPool(std::map<std::string, double> options, const std::string &gate = "") {
  StudyConfig config = toyConfig();
  config.gate = gate;
  return Play("pool", std::move(options), config, true);
}

/// The trials of each architecture, by its first one.
std::map<int64_t, std::vector<TrialRecord>> byArchitecture(const Play &play) {
  std::map<int64_t, std::vector<TrialRecord>> groups;
  for (const TrialRecord &trial : play.trials)
    groups[trial.repeats.value_or(trial.number)].push_back(trial);
  return groups;
}

} // namespace

TEST_CASE("the pool begins with the starting points, each on its settings") {
  Play play = playPool({{"settings", 3}});
  play.run(6);
  auto groups = byArchitecture(play);
  REQUIRE(groups.size() == 2);
  CHECK(groups[1].size() == 3);
  CHECK(groups[1][0].candidate.cell == "00000000");
  CHECK(groups[2].size() == 3);
  CHECK(groups[2][0].candidate.cell == "11111111");
}

TEST_CASE("no architecture of the pool has a setting twice") {
  for (size_t workers : {1, 5}) {
    Play play = playPool({{"settings", 3}, {"pool", 4}});
    play.run(300, workers);
    for (const auto &[first, trials] : byArchitecture(play)) {
      std::set<std::pair<double, int64_t>> settings;
      for (const TrialRecord &trial : trials) {
        CHECK(settings.insert({trial.spec.hyper.learningRate, trial.spec.hyper.layers}).second);
        CHECK(trial.candidate.cell == play.trial(first).candidate.cell);
      }
    }
  }
}

TEST_CASE("a new architecture that fails the gate is never seen again") {
  Play play = playPool({{"settings", 2}}, "gate");
  play.run(300);
  int failed = 0, passed = 0;
  for (const auto &[first, trials] : byArchitecture(play)) {
    if (first <= 2)
      continue; // starting points need not pass
    CHECK(trials[0].spec.task == "gate");
    if (trials[0].candidate.cell[0] == '0') {
      CHECK(trials.size() == 1);
      ++failed;
    } else if (first < 290) {
      CHECK(trials.size() >= 3); // the gate, and two settings
      CHECK(trials[1].spec.task == "sum");
      ++passed;
    }
  }
  CHECK(failed > 5);
  CHECK(passed > 5);
}

TEST_CASE("architectures below the share of the reference do not enter the pool") {
  // The reference is `11111111`; no other is half as good again when it is but one digit away.
  Play play = playPool({{"settings", 6}, {"share", 1.5}, {"again", 0}});
  play.run(200);
  for (const TrialRecord &trial : play.trials)
    for (int64_t parent : trial.candidate.parents)
      if (parent > 2)
        CHECK(toyQuality(play.trial(parent).spec) * 1.12 >= 1.5 * toyQuality(play.trial(2).spec));
}

TEST_CASE("the pool finds better than drawing does") {
  Play pool = playPool({{"settings", 2}, {"pool", 10}, {"again", 0.1}});
  pool.run(600);
  CHECK(pool.bestOf(600) > 1.5 * toyQuality(pool.trial(2).spec));
}

TEST_CASE("an architecture is tried on task after task") {
  StudyConfig config = toyConfig();
  config.moreTasks = {"other"};
  Play play("pool", {{"settings", 2}, {"share", 0}}, config, true);
  play.run(100);
  for (const auto &[first, trials] : byArchitecture(play))
    if (first > 2 && trials.size() >= 4) {
      CHECK(trials[0].spec.task == "sum");
      CHECK(trials[1].spec.task == "sum");
      CHECK(trials[2].spec.task == "other");
      CHECK(trials[3].spec.task == "other");
    }
}

//===-- Several objectives --------------------------------------------------------------------===//

TEST_CASE("with two objectives cheap cells survive beside good ones") {
  for (const char *name : {"evolution", "pool", "asha:evolution", "halving"}) {
    CAPTURE(name);
    StudyConfig config = toyConfig();
    config.objectives = {{Measure::Quality, true}, {Measure::Params, false}};
    Play play(name, {}, config);
    play.fails = true;
    play.run(300, 3);
    CHECK(play.ended.size() == 300);
  }
}

//===-- REINFORCE -----------------------------------------------------------------------------===//

namespace {

/// A trial of `reinforce` that has ended.
TrialRecord endTrial(TrialRecord trial, std::optional<double> quality) {
  trial.state = quality ? TrialState::Done : TrialState::Failed;
  trial.result = quality ? TrialResult() : failTrial(TrialStatus::Crashed, "");
  trial.result.quality = quality.value_or(0);
  return trial;
}

} // namespace

TEST_CASE("reinforce finds better than drawing does, in whatever order trials end") {
  for (size_t workers : {1, 8}) {
    Play play("reinforce", {{"learning-rate", 0.02}});
    play.run(600, workers);
    double first = 0, last = 0;
    for (size_t i = 0; i < 100; ++i) {
      first += play.trial(play.ended[i]).result.quality / 100;
      last += play.trial(play.ended[500 + i]).result.quality / 100;
    }
    CAPTURE(workers);
    CHECK(first < 0.5);
    CHECK(last > 0.6);
  }
}

TEST_CASE("reinforce takes a failed trial for the worst that ended well before") {
  Play play("reinforce", {{"batch", 2}});
  for (int i = 0; i < 4; ++i)
    play.start();
  std::unique_ptr<Strategy> failed = play.make(), poor = play.make(), none = play.make();
  for (Strategy *strategy : {failed.get(), poor.get()}) {
    strategy->tell(endTrial(play.trial(1), 0.5));
    strategy->tell(endTrial(play.trial(2), 0.25));
    strategy->tell(endTrial(play.trial(3), 0.75));
  }
  failed->tell(endTrial(play.trial(4), std::nullopt));
  poor->tell(endTrial(play.trial(4), 0.25));
  CHECK(failed->saveState() == poor->saveState());
  // With nothing to compare with it teaches nothing.
  none->tell(endTrial(play.trial(1), std::nullopt));
  CHECK(none->saveState() == play.make()->saveState());
}

TEST_CASE("reinforce makes small what is to be small") {
  StudyConfig config = toyConfig();
  Play more("reinforce", {{"batch", 2}}, config);
  config.objectives = {{Measure::Quality, /*isMaximized=*/false}};
  Play less("reinforce", {{"batch", 2}}, config);
  more.start();
  more.start();
  for (int number : {1, 2}) {
    more.strategy->tell(endTrial(more.trial(number), number));
    less.strategy->tell(endTrial(more.trial(number), -number));
  }
  nlohmann::json moreState = nlohmann::json::parse(more.strategy->saveState());
  nlohmann::json lessState = nlohmann::json::parse(less.strategy->saveState());
  CHECK(moreState == lessState);
}

TEST_CASE("reinforce says what it needs") {
  class Undecided : public ToySpace {
    std::vector<int64_t> decisionSizes() const override { return {}; }
  } undecided;
  ToySpace space;
  StrategySetup setup = toyConfig().setup(space);
  CHECK(errorOf([&] { makeStrategy("reinforce", setup, {}); }) ==
        "strategy `reinforce` trains a cell, its controller, for which this program has no "
        "compiler; take random, evolution or pool");
  setup.space = &undecided;
  CHECK(errorOf([&] { makeStrategy("asha:reinforce", setup, {}); }) ==
        "strategy `reinforce` learns decisions, and the cells of `toy` are no fixed number of "
        "them; take random, evolution or pool, or one of the spaces zoph_le, enas and darts, or a "
        "file with choices");
}
