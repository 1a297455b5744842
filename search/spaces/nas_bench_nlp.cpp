// Klyuchnikov et al. 2020, "NAS-Bench-NLP: Neural Architecture Search Benchmark for Natural
// Language Processing", section 4: random recipes of at most 24 nodes, 3 states and 3 inputs of a
// `linear`. Nodes are drawn one after the other from all before; the last ones become the new
// states; what they do not need is left out, and a recipe that then lacks the input or a state is
// drawn again. Deviation: the paper gives no probabilities; here all operations are as likely.
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/recipes.h"
#include "search/space.h"
#include "search/spaces/spaces.h"

#include "runtime/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace cellwright {

using nlohmann::json;

namespace {

constexpr uint64_t kMostNodes = 24;
constexpr uint64_t kMostStates = 3;
constexpr uint64_t kMostLinearInputs = 3;

class NasBenchNlp final : public Space {
public:
  std::string_view name() const override { return "nas_bench_nlp"; }

  std::string describe() const override {
    return fmt::format("recipes of at most {} nodes and {} states", kMostNodes, kMostStates);
  }

  double size() const override { return std::numeric_limits<double>::infinity(); }

  Candidate sample(Random &random) const override {
    while (true) { // most tries succeed
      json recipe = drawRecipe(random);
      EditGraph graph = graphOfRecipe(recipe);
      std::vector<int> uses = graph.useCounts();
      bool isWhole = true;
      for (const char *op : {"input", "state"})
        for (int leaf : graph.leaves(op))
          isWhole = isWhole && uses[leaf] > 0;
      if (isWhole)
        return make(recipeOfGraph(graph).dump());
    }
  }

  Candidate make(const std::string &genotype) const override {
    json recipe = json::parse(genotype, nullptr, /*allow_exceptions=*/false);
    CELLWRIGHT_CHECK(!recipe.is_discarded(), "this recipe is no JSON");
    std::string text = importGenotype(recipe, "nas-bench-nlp", "recipe");
    return {printedCell(text), recipe.dump(), {}, ""};
  }

  std::string genotypeOf(const std::string &cell) const override {
    std::string genotype;
    withCell(cell, [&](const Program &, const CheckedCell &checked) {
      genotype = exportGenotype(checked.cell, "nas-bench-nlp").dump();
    });
    return genotype;
  }

private:
  static json drawRecipe(Random &random) {
    constexpr const char *kOps[] = {
        "linear",          "elementwise_sum", "elementwise_prod",     "blend",
        "activation_tanh", "activation_sigm", "activation_leaky_relu"};
    uint64_t states = 1 + random.below(kMostStates);
    uint64_t nodes = states + 2 + random.below(kMostNodes - states - 1);
    std::vector<std::string> values; // vectors of the hidden size
    for (uint64_t i = 0; i < states; ++i)
      values.push_back("h_prev_" + std::to_string(i));
    json recipe = json::object();
    for (uint64_t i = 0; i < nodes; ++i) {
      bool isNew = i + states >= nodes;
      std::string name =
          isNew ? "h_new_" + std::to_string(i + states - nodes) : "node_" + std::to_string(i);
      std::string op = i == 0 ? "linear" : kOps[random.below(std::size(kOps))];
      recipe[name] = {{"op", op}, {"input", drawInputs(op, i == 0, values, random)}};
      values.push_back(name);
    }
    return recipe;
  }

  /// Different ones, as far as there are so many. The first node takes the input in any case.
  static std::vector<std::string> drawInputs(const std::string &op, bool isFirst,
                                             std::vector<std::string> from, Random &random) {
    size_t count = op == "blend" ? 3 : op.starts_with("elementwise") ? 2 : 1;
    if (op == "linear") {
      count = 2 + random.below(kMostLinearInputs - 1);
      from.push_back("x");
    }
    std::vector<std::string> left = from;
    std::vector<std::string> inputs;
    if (isFirst) {
      inputs.push_back("x");
      left.pop_back();
    }
    while (inputs.size() < count) {
      if (left.empty() && op == "linear")
        break;
      const std::vector<std::string> &among = left.empty() ? from : left;
      size_t which = random.below(among.size());
      inputs.push_back(among[which]);
      if (!left.empty())
        left.erase(left.begin() + static_cast<ptrdiff_t>(which));
    }
    return inputs;
  }
};

} // namespace

std::unique_ptr<Space> makeNasBenchNlp() { return std::make_unique<NasBenchNlp>(); }

} // namespace cellwright
