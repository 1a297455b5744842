// Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter
// Tuning", algorithm 2): whoever asks gets the best trial that belongs to the upper part of its
// rung and has not gone on, from the highest rung that has one, or else a new one; nobody waits.
// With several objectives the order in a rung is that of Pareto fronts. The strategy below is told
// only of the lowest rung, where all have the same budget.
#include "search/strategies/rungs.h"

#include <algorithm>

namespace cellwright {

namespace {

using nlohmann::json;

constexpr StrategyOption kOptions[] = {
    {"factor", 4, 2, 100, true, "one in so many goes on, with so many times the budget"},
    {"rungs", 4, 2, 20, true, "budgets; the last is that of the study"},
};

class Asha : public Strategy {
public:
  Asha(const StrategySetup &setup, const StrategyOptions &options, std::unique_ptr<Strategy> inner)
      : objectives(setup.objectives), inner(std::move(inner)),
        rungs(setup.budget, options.whole("rungs"), options.whole("factor")),
        ended(static_cast<size_t>(rungs.size())) {}

  std::optional<Proposal> ask(Random &random, const TrialArchive &archive) const override {
    for (size_t rung = ended.size() - 1; rung-- > 0;)
      if (std::optional<int64_t> trial = findPromotable(ended[rung]))
        return rungs.promote(archive.trial(*trial));
    std::optional<Proposal> proposal = inner->ask(random, archive);
    return proposal ? std::optional(rungs.place(std::move(*proposal))) : std::nullopt;
  }

  void start(const TrialRecord &trial) override {
    int64_t rung = Rungs::rungOf(trial);
    if (rung == 0)
      return inner->start(Rungs::unwrap(trial));
    for (Ended &one : ended[static_cast<size_t>(rung - 1)])
      if (one.trial == trial.repeats)
        one.isPromoted = true;
  }

  void tell(const TrialRecord &trial) override {
    int64_t rung = Rungs::rungOf(trial);
    if (rung == 0)
      inner->tell(Rungs::unwrap(trial));
    Ended one = {trial.number, costsOf(trial.result, objectives), false};
    std::vector<Ended> &list = ended[static_cast<size_t>(rung)];
    list.insert(std::upper_bound(list.begin(), list.end(), one), std::move(one));
  }

  std::string saveState() const override {
    json lists = json::array();
    for (const std::vector<Ended> &list : ended) {
      json trials = json::array();
      for (const Ended &one : list)
        trials.push_back({one.trial, costsToJson(one.costs), one.isPromoted});
      lists.push_back(std::move(trials));
    }
    return json{{"ended", lists}, {"inner", inner->saveState()}}.dump();
  }

  void loadState(const std::string &text) override {
    readState("asha", text, [&](const json &state) {
      for (std::vector<Ended> &list : ended)
        list.clear();
      for (size_t rung = 0; rung < ended.size(); ++rung)
        for (const json &one : state.at("ended").at(rung))
          ended[rung].push_back(
              {one.at(0).get<int64_t>(), costsFromJson(one.at(1)), one.at(2).get<bool>()});
      inner->loadState(state.at("inner").get<std::string>());
    });
  }

private:
  struct Ended {
    int64_t trial;
    Costs costs; // infinite if it failed
    bool isPromoted;

    bool operator<(const Ended &other) const {
      return costs != other.costs ? costs < other.costs : trial < other.trial;
    }
  };

  /// The best trial of the upper part that has not gone on, if there is one.
  std::optional<int64_t> findPromotable(const std::vector<Ended> &list) const {
    size_t upper = list.size() / static_cast<size_t>(rungs.factorOf());
    if (objectives.size() == 1) {
      for (size_t i = 0; i < upper && list[i].costs[0] < kFailed; ++i)
        if (!list[i].isPromoted)
          return list[i].trial;
      return std::nullopt;
    }
    std::vector<Costs> costs;
    for (const Ended &one : list)
      costs.push_back(one.costs);
    std::vector<size_t> order = orderByCosts(costs);
    for (size_t i = 0; i < upper && list[order[i]].costs[0] < kFailed; ++i)
      if (!list[order[i]].isPromoted)
        return list[order[i]].trial;
    return std::nullopt;
  }

  static constexpr double kFailed = std::numeric_limits<double>::infinity();

  std::vector<Objective> objectives;
  std::unique_ptr<Strategy> inner;
  Rungs rungs;
  std::vector<std::vector<Ended>> ended; // of each rung, sorted by costs
};

} // namespace

StrategyInfo describeAsha() {
  return {"asha",
          "Li et al. 2020",
          "as halving, but nobody waits",
          kOptions,
          true,
          false,
          [](const StrategySetup &setup, const StrategyOptions &options,
             std::unique_ptr<Strategy> inner) -> std::unique_ptr<Strategy> {
            return std::make_unique<Asha>(setup, options, std::move(inner));
          }};
}

} // namespace cellwright
