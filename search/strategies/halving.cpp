// Successive halving (Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and
// Hyperparameter Optimization"): many trials with a small budget, the best part of them with a
// larger one, and so on; each rung waits for all of its trials. After the last rung it begins anew.
// The strategy below is told only of the lowest rung, where all have the same budget.
#include "search/strategies/rungs.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

using nlohmann::json;

constexpr StrategyOption kOptions[] = {
    {"factor", 3, 2, 100, true, "one in so many goes on, with so many times the budget"},
    {"rungs", 4, 2, 20, true, "budgets; the last is that of the study"},
    {"first", 0, 0, 1'000'000, true, "trials of the lowest rung; 0: so many that one is the last"},
};

class Halving : public Strategy {
public:
  Halving(const StrategySetup &setup, const StrategyOptions &options,
          std::unique_ptr<Strategy> inner)
      : objectives(setup.objectives), inner(std::move(inner)),
        rungs(setup.budget, options.whole("rungs"), options.whole("factor")),
        first(options.whole("first")) {
    if (first == 0)
      first = std::llround(std::pow(options.number("factor"), options.number("rungs") - 1));
    left = first;
  }

  std::optional<Proposal> ask(Random &random, const TrialArchive &archive) const override {
    if (left == 0)
      return std::nullopt;
    if (rung > 0)
      return rungs.promote(archive.trial(promoted[promoted.size() - static_cast<size_t>(left)]));
    std::optional<Proposal> proposal = inner->ask(random, archive);
    return proposal ? std::optional(rungs.place(std::move(*proposal))) : std::nullopt;
  }

  void start(const TrialRecord &trial) override {
    --left;
    ++running;
    if (rung == 0)
      inner->start(Rungs::unwrap(trial));
  }

  void tell(const TrialRecord &trial) override {
    --running;
    if (rung == 0)
      inner->tell(Rungs::unwrap(trial));
    if (trial.state == TrialState::Done)
      ended.push_back({trial.number, costsOf(trial.result, objectives)});
    if (left == 0 && running == 0)
      closeRung();
  }

  std::string saveState() const override {
    json results = json::array();
    for (const Ended &one : ended)
      results.push_back({one.trial, costsToJson(one.costs)});
    return json{{"rung", rung},         {"left", left},     {"running", running},
                {"promoted", promoted}, {"ended", results}, {"inner", inner->saveState()}}
        .dump();
  }

  void loadState(const std::string &text) override {
    readState("halving", text, [&](const json &state) {
      state.at("rung").get_to(rung);
      state.at("left").get_to(left);
      state.at("running").get_to(running);
      state.at("promoted").get_to(promoted);
      ended.clear();
      for (const json &one : state.at("ended"))
        ended.push_back({one.at(0).get<int64_t>(), costsFromJson(one.at(1))});
      inner->loadState(state.at("inner").get<std::string>());
    });
  }

private:
  struct Ended {
    int64_t trial;
    Costs costs;
  };

  /// Takes the best of this rung to the next, or begins anew.
  void closeRung() {
    // In the order of their numbers, so that ties do not depend on which ended first.
    std::sort(ended.begin(), ended.end(),
              [](const Ended &a, const Ended &b) { return a.trial < b.trial; });
    std::vector<Costs> costs;
    for (const Ended &one : ended)
      costs.push_back(one.costs);
    std::vector<size_t> order = orderByCosts(costs);
    int64_t size = rung == 0 ? first : static_cast<int64_t>(promoted.size());
    auto survivors = static_cast<size_t>(std::max<int64_t>(1, size / rungs.factorOf()));
    order.resize(std::min(order.size(), survivors));
    promoted.clear();
    for (size_t i : order)
      promoted.push_back(ended[i].trial);
    ended.clear();
    ++rung;
    if (rung == rungs.size() || promoted.empty()) {
      rung = 0;
      promoted.clear();
    }
    left = rung == 0 ? first : static_cast<int64_t>(promoted.size());
  }

  std::vector<Objective> objectives;
  std::unique_ptr<Strategy> inner;
  Rungs rungs;
  int64_t first;
  int64_t rung = 0;
  int64_t left = 0;              // trials of this rung to be started
  int64_t running = 0;           // and that have not ended
  std::vector<int64_t> promoted; // trials of the rung below that go on on this one
  std::vector<Ended> ended;      // well, on this rung
};

} // namespace

StrategyInfo describeHalving() {
  return {"halving",
          "Jamieson & Talwalkar 2016",
          "the best part of many short trials goes on, rung by rung",
          kOptions,
          true,
          false,
          [](const StrategySetup &setup, const StrategyOptions &options,
             std::unique_ptr<Strategy> inner) -> std::unique_ptr<Strategy> {
            return std::make_unique<Halving>(setup, options, std::move(inner));
          }};
}

} // namespace cellwright
