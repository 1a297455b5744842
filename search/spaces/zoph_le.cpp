// Zoph & Le 2017, "Neural Architecture Search with Reinforcement Learning", section 3.4: a full
// binary tree with 8 leaves. A leaf combines a product of the input and one of the state, an inner
// node its two children, each by sum or element-wise product, then an activation. The old cell
// value is combined with one of the leaves; the new one is what a node gives before its activation.
// Deviations: the paper does not say which nodes a cell index may name; here the old value goes
// into a leaf, as in its example, and the new one comes from any node.
#include "runtime/error.h"
#include "search/cell_graph.h"
#include "search/cell_text.h"
#include "search/spaces/decision_space.h"
#include "search/spaces/spaces.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cellwright {

using nlohmann::json;

namespace {

constexpr int kLeaves = 8;
constexpr int kNodes = 2 * kLeaves - 1; // leaves first, then each level, the root last

const std::vector<std::string> kCombinations = {"add", "mul"};
const std::vector<std::string> kActivations = {"identity", "tanh", "sigmoid", "relu"};

/// Finds the decisions of a cell in its graph, from the root of the tree down.
class TreeReader {
public:
  explicit TreeReader(const EditGraph &graph) : graph(graph) {}

  json read() {
    std::vector<int> states = graph.leaves("state");
    std::vector<int> inputs = graph.leaves("input");
    require(states.size() == 2 && inputs.size() == 1, "it has another number of inputs or states");
    input = inputs[0];
    hidden = states[0];
    old = states[1];
    readNode(kNodes - 1, graph.nexts[0]);
    require(leafOfOld >= 0, "no leaf takes the old cell value");
    auto made = std::find(plains.begin(), plains.end(), graph.nexts[1]);
    require(made != plains.end(), "the new cell value is that of no node");
    return {{"nodes", nodes}, {"inject", inject}, {"cell", {made - plains.begin(), leafOfOld}}};
  }

private:
  const EditGraph &graph;
  int input = 0, hidden = 0, old = 0;
  json nodes = std::vector<json>(kNodes);
  json inject;
  int leafOfOld = -1;
  std::vector<int> plains = std::vector<int>(kNodes, -1); // by node: its value before activation

  static void require(bool holds, const char *problem) {
    CELLWRIGHT_CHECK(holds, "this is no cell of `zoph_le`: {}", problem);
  }

  const EditNode &at(int node) const { return graph.nodes[node]; }

  bool isJoin(int node) const { return at(node).op == "add" || at(node).op == "mul"; }

  /// Takes an activation off a value.
  std::string takeActivation(int &value) const {
    std::string op = at(value).op;
    if (op != "tanh" && op != "sigmoid" && op != "relu")
      return "identity";
    value = at(value).operands[0];
    return op;
  }

  bool isProduct(int node, const std::vector<int> &of) const {
    return at(node).op == "linear" && !at(node).hasBias && at(node).operands == of;
  }

  void readNode(int node, int value) {
    std::string activation = takeActivation(value);
    if (node < kLeaves && isJoin(value) && at(value).operands[1] == old) {
      require(leafOfOld < 0, "two leaves take the old cell value");
      leafOfOld = node;
      inject = {at(value).op, activation};
      value = at(value).operands[0];
      activation = takeActivation(value);
    }
    plains[node] = value;
    std::string combination = "add";
    if (node < kLeaves) {
      if (!isProduct(value, {input, hidden})) {
        require(at(value).op == "mul" && isProduct(at(value).operands[0], {input}) &&
                    isProduct(at(value).operands[1], {hidden}),
                "a leaf is not made of products of the input and the state");
        combination = "mul";
      }
    } else {
      require(isJoin(value), "an inner node is neither a sum nor a product");
      combination = at(value).op;
      for (int k = 0; k < 2; ++k)
        readNode(2 * (node - kLeaves) + k, at(value).operands[k]);
    }
    nodes[node] = {combination, activation};
  }
};

class ZophLe final : public DecisionSpace {
public:
  std::string_view name() const override { return "zoph_le"; }

  std::string genotypeOf(const std::string &cell) const override {
    std::string genotype;
    withCell(cell, [&](const Program &, const CheckedCell &checked) {
      EditGraph graph = graphOfCell(checked.cell);
      genotype = TreeReader(graph).read().dump();
    });
    return genotype;
  }

protected:
  std::vector<SpaceDecision> decisions() const override {
    std::vector<SpaceDecision> all;
    for (int i = 0; i < kNodes; ++i) {
      all.push_back({"combination of node " + std::to_string(i), kCombinations});
      all.push_back({"activation of node " + std::to_string(i), kActivations});
    }
    all.push_back({"combination with the old cell value", kCombinations});
    all.push_back({"activation behind it", kActivations});
    all.push_back({"leaf of the old cell value", numbers(kLeaves)});
    all.push_back({"node of the new cell value", numbers(kNodes)});
    return all;
  }

  std::string cellOf(const std::vector<int> &chosen) const override {
    std::string text = "cell zoph_le {\ninput x[I]\nstate h[H], c[H]\n";
    for (int i = 0; i < kNodes; ++i) {
      std::string node = "n" + std::to_string(i);
      std::string plain = combine(i, chosen);
      if (i == chosen[2 * kNodes + 3]) {
        text += node + "_plain = " + plain + "\n";
        plain = node + "_plain";
      }
      text += node + " = " + activate(chosen[2 * i + 1], plain) + "\n";
      if (i == chosen[2 * kNodes + 2])
        text += node +
                "_new = " + activate(chosen[2 * kNodes + 1], join(chosen[2 * kNodes], node, "c")) +
                "\n";
    }
    text += "c' = n" + std::to_string(chosen[2 * kNodes + 3]) + "_plain\n";
    return text + "h' = n" + std::to_string(kNodes - 1) + "\n}\n";
  }

  json genotypeOf(const std::vector<int> &chosen) const override {
    json nodes = json::array();
    for (int i = 0; i < kNodes; ++i)
      nodes.push_back({kCombinations[chosen[2 * i]], kActivations[chosen[2 * i + 1]]});
    return {{"nodes", nodes},
            {"inject", {kCombinations[chosen[2 * kNodes]], kActivations[chosen[2 * kNodes + 1]]}},
            {"cell", {chosen[2 * kNodes + 3], chosen[2 * kNodes + 2]}}};
  }

  std::vector<int> chosenBy(const json &genotype) const override {
    std::vector<SpaceDecision> all = decisions();
    const json &nodes = genotype.at("nodes");
    CELLWRIGHT_CHECK(nodes.size() == kNodes,
                     "a genotype of `zoph_le` has {} nodes, this one has {}", kNodes, nodes.size());
    std::vector<int> chosen;
    auto take = [&](const std::string &alternative) {
      chosen.push_back(find(all[chosen.size()], alternative));
    };
    auto takePair = [&](const json &pair) {
      take(pair.at(0).get<std::string>());
      take(pair.at(1).get<std::string>());
    };
    for (const json &node : nodes)
      takePair(node);
    takePair(genotype.at("inject"));
    take(std::to_string(genotype.at("cell").at(1).get<int>()));
    take(std::to_string(genotype.at("cell").at(0).get<int>()));
    return chosen;
  }

private:
  static std::vector<std::string> numbers(int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i)
      all.push_back(std::to_string(i));
    return all;
  }

  static std::string join(int combination, const std::string &a, const std::string &b) {
    return a + (combination == 0 ? " + " : " * ") + b;
  }

  static std::string activate(int activation, const std::string &value) {
    return activation == 0 ? value : kActivations[activation] + "(" + value + ")";
  }

  static std::string combine(int node, const std::vector<int> &chosen) {
    int combination = chosen[2 * node];
    if (node < kLeaves)
      return combination == 0 ? "linear(x, h, bias = false)"
                              : "linear(x, bias = false) * linear(h, bias = false)";
    auto child = [&](int k) {
      int index = 2 * (node - kLeaves) + k;
      return "n" + std::to_string(index) + (index == chosen[2 * kNodes + 2] ? "_new" : "");
    };
    return join(combination, child(0), child(1));
  }
};

} // namespace

std::unique_ptr<Space> makeZophLe() { return std::make_unique<ZophLe>(); }

} // namespace cellwright
