// Random search (Bergstra & Bengio 2012; for cells Li & Talwalkar 2019, "Random Search and
// Reproducibility for Neural Architecture Search"): every candidate and every setting drawn anew.
#include "search/strategies/strategies.h"

namespace cellwright {

namespace {

class RandomStrategy : public Strategy {
public:
  explicit RandomStrategy(const StrategySetup &setup) : setup(setup) {}

  std::optional<Proposal> ask(Random &random, const TrialArchive &) const override {
    Proposal proposal;
    proposal.candidate = setup.space->sample(random);
    proposal.hyper = setup.hyper.sample(random);
    proposal.budget = setup.budget;
    return proposal;
  }

  // It learns nothing.
  void start(const TrialRecord &) override {}
  void tell(const TrialRecord &) override {}
  std::string saveState() const override { return "{}"; }
  void loadState(const std::string &) override {}

private:
  StrategySetup setup;
};

} // namespace

StrategyInfo describeRandom() {
  return {"random",
          "Bergstra & Bengio 2012",
          "draws every candidate anew",
          {},
          false,
          false,
          [](const StrategySetup &setup, const StrategyOptions &, std::unique_ptr<Strategy>)
              -> std::unique_ptr<Strategy> { return std::make_unique<RandomStrategy>(setup); }};
}

} // namespace cellwright
