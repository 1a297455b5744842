// Regularized evolution (Real et al. 2019, "Regularized Evolution for Image Classifier Architecture
// Search", algorithm 1): a child of the best of a few takes the place of the oldest, however good
// that is. Deviations: hyperparameters, which the paper keeps fixed, are inherited, and now and
// then one is drawn anew; a failed trial does not enter the population; crossover, if asked for.
#include "search/strategies/strategies.h"

#include <algorithm>
#include <deque>

namespace cellwright {

namespace {

constexpr StrategyOption kOptions[] = {
    {"population", 100, 1, 100'000, true, "living candidates"},
    {"sample", 25, 1, 100'000, true, "candidates whose best becomes a parent"},
    {"redraw", 0.2, 0, 1, false, "probability that one hyperparameter is drawn anew"},
    {"crossover", 0, 0, 1, false, "probability of a child of two"},
};

class Evolution : public Strategy {
public:
  Evolution(const StrategySetup &setup, const StrategyOptions &options)
      : setup(setup), population(options.whole("population")), sampleSize(options.whole("sample")),
        redraw(options.number("redraw")), crossover(options.number("crossover")) {}

  std::optional<Proposal> ask(Random &random, const TrialArchive &archive) const override {
    if (static_cast<int64_t>(living.size()) + firstRunning < population)
      return draw(random);
    if (living.empty())
      return std::nullopt;
    TrialRecord parent = archive.trial(chooseParent(random));
    if (std::optional<Proposal> child = breed(parent, random, archive))
      return child;
    return draw(random); // of a space that cannot change this one
  }

  void start(const TrialRecord &trial) override { firstRunning += isDrawn(trial); }

  void tell(const TrialRecord &trial) override {
    firstRunning -= isDrawn(trial);
    if (trial.state != TrialState::Done)
      return;
    living.push_back({trial.number, costsOf(trial.result, setup.objectives)});
    if (static_cast<int64_t>(living.size()) > population)
      living.pop_front();
  }

  std::string saveState() const override {
    nlohmann::json list = nlohmann::json::array();
    for (const Living &one : living)
      list.push_back({one.trial, costsToJson(one.costs)});
    return nlohmann::json{{"first_running", firstRunning}, {"living", list}}.dump();
  }

  void loadState(const std::string &text) override {
    readState("evolution", text, [&](const nlohmann::json &state) {
      state.at("first_running").get_to(firstRunning);
      living.clear();
      for (const nlohmann::json &one : state.at("living"))
        living.push_back({one.at(0).get<int64_t>(), costsFromJson(one.at(1))});
    });
  }

private:
  struct Living {
    int64_t trial;
    Costs costs;
  };

  /// A child always names its parents.
  static bool isDrawn(const TrialRecord &trial) { return trial.candidate.parents.empty(); }

  Proposal draw(Random &random) const {
    Proposal proposal;
    proposal.candidate = setup.space->sample(random);
    proposal.hyper = setup.hyper.sample(random);
    proposal.budget = setup.budget;
    return proposal;
  }

  /// The best of some, drawn with replacement.
  int64_t chooseParent(Random &random) const {
    std::vector<size_t> drawn;
    std::vector<Costs> costs;
    for (int64_t i = 0; i < sampleSize; ++i) {
      drawn.push_back(random.below(living.size()));
      costs.push_back(living[drawn.back()].costs);
    }
    return living[drawn[orderByCosts(costs).front()]].trial;
  }

  std::optional<Proposal> breed(const TrialRecord &parent, Random &random,
                                const TrialArchive &archive) const {
    std::vector<int64_t> parents = {parent.number};
    std::optional<Candidate> child;
    if (random.uniform() < crossover) {
      TrialRecord other = archive.trial(chooseParent(random));
      parents.push_back(other.number);
      child = setup.space->crossover(parent.candidate, other.candidate, random);
    } else {
      child = setup.space->mutate(parent.candidate, random);
    }
    if (!child)
      return std::nullopt;
    Proposal proposal;
    proposal.candidate = std::move(*child);
    proposal.candidate.parents = std::move(parents);
    proposal.hyper = parent.spec.hyper;
    if (random.uniform() < redraw)
      proposal.hyper = setup.hyper.change(proposal.hyper, random);
    proposal.budget = setup.budget;
    return proposal;
  }

  StrategySetup setup;
  int64_t population, sampleSize;
  double redraw, crossover;
  std::deque<Living> living; // the oldest first
  int64_t firstRunning = 0;  // drawn candidates whose trials have not ended
};

} // namespace

StrategyInfo describeEvolution() {
  return {"evolution",
          "Real et al. 2019",
          "children of the best of a sample; the oldest dies",
          kOptions,
          false,
          false,
          [](const StrategySetup &setup, const StrategyOptions &options, std::unique_ptr<Strategy>)
              -> std::unique_ptr<Strategy> { return std::make_unique<Evolution>(setup, options); }};
}

} // namespace cellwright
