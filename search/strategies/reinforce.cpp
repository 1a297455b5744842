// REINFORCE with a recurrent controller (Zoph & Le 2017, "Neural Architecture Search with
// Reinforcement Learning", section 3.2; Williams 1992): decisions that did better than the moving
// mean become more likely. The decisions of a trial stand in its note, because choices that its
// cell does not have are decided too. Deviations: what is better or worse is measured in its own
// moving mean, so that metrics of any scale learn alike; trials that other processes asked for, or
// that ended late, are learned from as if the present controller had drawn them; a failed trial
// counts as the worst that ended well before it, and teaches nothing if there is none.
#include "search/strategies/strategies.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

namespace {

using nlohmann::json;

constexpr StrategyOption kOptions[] = {
    {"layers", 2, 1, 8, true, "of the controller, an LSTM"},
    {"hidden", 35, 1, 1000, true, "its size"},
    {"learning-rate", 0.006, 1e-6, 1, false,
     "of its training; the paper's 0.0006 is for thousands"},
    {"sgd", 0, 0, 1, true, "1: plain gradient descent in place of Adam"},
    {"batch", 4, 1, 1000, true, "trials that it learns from at a time"},
    {"decay", 0.9, 0, 0.9999, false, "of the moving mean to which a trial is compared"},
    {"entropy", 0.01, 0, 100, false, "weight of what keeps the controller undecided"},
};

class Reinforce : public Strategy {
public:
  Reinforce(const StrategySetup &setup, const StrategyOptions &options)
      : setup(setup), batch(static_cast<size_t>(options.whole("batch"))),
        decay(options.number("decay")), sizes(setup.space->decisionSizes()) {
    check();
    ControllerForm form;
    form.sizes = sizes;
    form.layers = options.whole("layers");
    form.hidden = options.whole("hidden");
    form.usesSgd = options.whole("sgd") == 1;
    form.learningRate = options.number("learning-rate");
    form.entropy = options.number("entropy");
    form.seed = setup.seed;
    controller = setup.makeController(form);
  }

  std::optional<Proposal> ask(Random &random, const TrialArchive &) const override {
    std::vector<int> chosen = controller->sample(random);
    Proposal proposal;
    proposal.candidate = setup.space->decide(chosen);
    proposal.hyper = setup.hyper.sample(random);
    proposal.budget = setup.budget;
    proposal.note = json{{"decisions", chosen}}.dump();
    return proposal;
  }

  void start(const TrialRecord &) override {}

  void tell(const TrialRecord &trial) override {
    std::optional<double> reward = takeReward(trial);
    if (!reward)
      return;
    double advantage = *reward - baseline.value_or(*reward);
    scale = scale == 0 ? std::abs(advantage) : mix(scale, std::abs(advantage));
    baseline = mix(baseline.value_or(*reward), *reward);
    auto chosen = json::parse(trial.note).at("decisions").get<std::vector<int>>();
    pending.push_back({std::move(chosen), scale == 0 ? 0 : advantage / scale});
    if (pending.size() < batch)
      return;
    controller->learn(pending);
    pending.clear();
  }

  std::string saveState() const override {
    json tried = json::array();
    for (const TriedDecisions &one : pending)
      tried.push_back({one.chosen, one.advantage});
    return json{{"baseline", toJson(baseline)},
                {"worst", toJson(worst)},
                {"scale", scale},
                {"pending", tried},
                {"controller", controller->save()}}
        .dump();
  }

  void loadState(const std::string &text) override {
    readState("reinforce", text, [&](const json &state) {
      baseline = fromJson(state.at("baseline"));
      worst = fromJson(state.at("worst"));
      state.at("scale").get_to(scale);
      pending.clear();
      for (const json &one : state.at("pending"))
        pending.push_back({one.at(0).get<std::vector<int>>(), one.at(1).get<double>()});
      controller->load(state.at("controller").get<std::string>());
    });
  }

private:
  void check() const {
    auto hasAlternatives = [](int64_t size) { return size > 1; };
    bool decides = std::any_of(sizes.begin(), sizes.end(), hasAlternatives);
    CELLWRIGHT_CHECK(
        decides,
        "strategy `reinforce` learns decisions, and the cells of `{}` are no fixed "
        "number of them; take random, evolution or pool, or one of the spaces zoph_le, "
        "enas and darts, or a file with choices",
        setup.space->name());
    CELLWRIGHT_CHECK(setup.makeController,
                     "strategy `reinforce` trains a cell, its controller, for which this program "
                     "has no compiler; take random, evolution or pool");
  }

  /// A trial's reward, more is better; of several objectives the first counts. Keeps the worst,
  /// which is that of a failed trial; none before there is one.
  std::optional<double> takeReward(const TrialRecord &trial) {
    if (trial.state != TrialState::Done)
      return worst;
    double reward = -costsOf(trial.result, setup.objectives).front();
    worst = std::min(worst.value_or(reward), reward);
    return reward;
  }

  double mix(double mean, double value) const { return decay * mean + (1 - decay) * value; }

  static json toJson(const std::optional<double> &value) { return value ? json(*value) : json(); }
  static std::optional<double> fromJson(const json &value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  }

  StrategySetup setup;
  size_t batch;
  double decay;
  std::vector<int64_t> sizes;
  std::unique_ptr<Controller> controller;
  std::optional<double> baseline, worst; // of rewards; none before the first
  double scale = 0;                      // moving mean of how far rewards are from the baseline
  std::vector<TriedDecisions> pending;   // that the controller has not learned from
};

} // namespace

StrategyInfo describeReinforce() {
  return {"reinforce",
          "Zoph & Le 2017",
          "an LSTM learns which decisions do well",
          kOptions,
          false,
          false,
          [](const StrategySetup &setup, const StrategyOptions &options, std::unique_ptr<Strategy>)
              -> std::unique_ptr<Strategy> { return std::make_unique<Reinforce>(setup, options); }};
}

} // namespace cellwright
