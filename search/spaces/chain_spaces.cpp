// Two spaces of one kind of cell. `enas`: Pham et al. 2018, "Efficient Neural Architecture Search
// via Parameter Sharing": 12 nodes, an activation each and, but for the first, a predecessor; the
// output is the mean of those that nothing else uses. `darts`: Liu, Simonyan & Yang 2019, "DARTS:
// Differentiable Architecture Search": 8 nodes behind one of fixed activation, the output is the
// mean of the 8. Deviation: DARTS draws first weights from +-0.04; here they are `linear`'s own.
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/spaces/decision_space.h"
#include "search/spaces/spaces.h"

#include "runtime/error.h"

#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

namespace {

class ChainSpace : public DecisionSpace {
public:
  ChainSpace(const char *name, int nodes, bool choosesFirst)
      : title(name), nodes(nodes), choosesFirst(choosesFirst) {}

  std::string_view name() const override { return title; }

  std::string genotypeOf(const std::string &cell) const override {
    std::string genotype;
    withCell(cell, [&](const Program &, const CheckedCell &checked) {
      genotype = exportGenotype(checked.cell, title).dump();
    });
    return genotype;
  }

protected:
  std::vector<SpaceDecision> decisions() const override {
    std::vector<SpaceDecision> all;
    if (choosesFirst)
      all.push_back({"activation of node 0", chainActivations()});
    for (int i = 1; i <= nodes; ++i) {
      SpaceDecision from{"predecessor of node " + std::to_string(i), {}};
      for (int k = 0; k < i; ++k)
        from.alternatives.push_back(std::to_string(k));
      all.push_back(std::move(from));
      all.push_back({"activation of node " + std::to_string(i), chainActivations()});
    }
    return all;
  }

  std::string cellOf(const std::vector<int> &chosen) const override {
    return textOfChain(chainOf(chosen), title);
  }

  json genotypeOf(const std::vector<int> &chosen) const override {
    return genotypeOfChain(chainOf(chosen), title);
  }

  std::vector<int> chosenBy(const json &genotype) const override {
    ChainCell chain = chainOfGenotype(genotype, title);
    CELLWRIGHT_CHECK(static_cast<int>(chain.nodes.size()) == nodes,
                     "a genotype of `{}` has {} nodes behind the first, this one has {}", title,
                     nodes, chain.nodes.size());
    std::vector<SpaceDecision> all = decisions();
    std::vector<int> chosen;
    auto take = [&](const std::string &alternative) {
      chosen.push_back(find(all[chosen.size()], alternative));
    };
    if (choosesFirst)
      take(chain.first);
    for (const auto &[activation, from] : chain.nodes) {
      take(std::to_string(from));
      take(activation);
    }
    CELLWRIGHT_CHECK(chain == chainOf(chosen), "the output of this genotype is not that of `{}`",
                     title);
    return chosen;
  }

private:
  const char *title;
  int nodes;
  bool choosesFirst;

  ChainCell chainOf(const std::vector<int> &chosen) const {
    ChainCell chain;
    size_t at = 0;
    if (choosesFirst)
      chain.first = chainActivations()[chosen[at++]];
    for (int i = 1; i <= nodes; ++i) {
      int from = chosen[at++];
      chain.nodes.push_back({chainActivations()[chosen[at++]], from});
      chain.mean.push_back(i);
    }
    if (choosesFirst)
      chain.mean = chain.looseEnds();
    return chain;
  }
};

} // namespace

std::unique_ptr<Space> makeEnas() { return std::make_unique<ChainSpace>("enas", 11, true); }
std::unique_ptr<Space> makeDarts() { return std::make_unique<ChainSpace>("darts", 8, false); }

} // namespace cellwright
