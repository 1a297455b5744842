// See chain_cell.h.
#include "search/chain_cell.h"

#include "runtime/error.h"
#include "search/cell_graph.h"

#include <algorithm>
#include <charconv>

namespace cellwright {

const std::vector<std::string> &chainActivations() {
  static const std::vector<std::string> kNames = {"tanh", "relu", "identity", "sigmoid"};
  return kNames;
}

std::vector<int> ChainCell::looseEnds() const {
  std::vector<int> loose;
  for (int i = 0; i <= static_cast<int>(nodes.size()); ++i)
    if (std::none_of(nodes.begin(), nodes.end(),
                     [&](const auto &node) { return node.second == i; }))
      loose.push_back(i);
  return loose;
}

void ChainCell::check() const {
  auto checkActivation = [](const std::string &name) {
    const std::vector<std::string> &known = chainActivations();
    CELLWRIGHT_CHECK(std::find(known.begin(), known.end(), name) != known.end(),
                     "`{}` is no activation of this space; expected one of {}", name,
                     fmt::join(known, ", "));
  };
  checkActivation(first);
  for (size_t i = 0; i < nodes.size(); ++i) {
    checkActivation(nodes[i].first);
    CELLWRIGHT_CHECK(nodes[i].second >= 0 && nodes[i].second <= static_cast<int>(i),
                     "node {} is made of node {}, expected an earlier one", i + 1, nodes[i].second);
  }
  CELLWRIGHT_CHECK(!mean.empty(), "expected nodes whose mean is the output, got none");
  for (int node : mean)
    CELLWRIGHT_CHECK(node >= 0 && node <= static_cast<int>(nodes.size()),
                     "node {} is part of the output; the last node is {}", node, nodes.size());
  for (int node : mean)
    CELLWRIGHT_CHECK(std::count(mean.begin(), mean.end(), node) == 1,
                     "node {} is part of the output twice", node);
}

std::string textOfChain(const ChainCell &chain, const std::string &name) {
  chain.check();
  std::string text = "cell " + name + " {\ninput x[I]\nstate h[H]\n";
  auto writeNode = [&](int i, const std::string &activation, const std::string &from,
                       const std::string &operands) {
    std::string k = std::to_string(i);
    text += fmt::format("c{} = sigmoid(linear({}, bias = false))\n", k, operands);
    text += fmt::format("a{} = {}(linear({}, bias = false))\n", k, activation, operands);
    text += fmt::format("s{} = {} + c{} * (a{} - {})\n", k, from, k, k, from);
  };
  writeNode(0, chain.first, "h", "x, h");
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    std::string from = "s" + std::to_string(chain.nodes[i].second);
    writeNode(static_cast<int>(i) + 1, chain.nodes[i].first, from, from);
  }
  std::string sum;
  for (int node : chain.mean)
    sum += (sum.empty() ? "s" : " + s") + std::to_string(node);
  bool isOne = chain.mean.size() == 1;
  return text + "h' = " + (isOne ? sum : fmt::format("({}) / {}", sum, chain.mean.size())) +
         "\n}\n";
}

namespace {

/// Finds the nodes of a chain in a graph.
class ChainReader {
public:
  explicit ChainReader(const EditGraph &graph) : graph(graph) {}

  ChainCell read() {
    std::vector<int> states = graph.leaves("state");
    std::vector<int> inputs = graph.leaves("input");
    require(states.size() == 1 && inputs.size() == 1, "it has another number of inputs or states");
    state = states[0];
    input = inputs[0];
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      readNode(static_cast<int>(i));
    require(!found.empty(), "it has no nodes");
    sortByName();
    ChainCell chain;
    for (size_t i = 0; i < found.size(); ++i) {
      if (i == 0)
        chain.first = found[i].activation;
      else
        chain.nodes.push_back({found[i].activation, numberOf(found[i].from)});
      require((found[i].from == state) == (i == 0),
              "its first node is not the only one of x and h");
    }
    readMean(graph.nexts[0], chain);
    chain.check();
    return chain;
  }

private:
  struct Found {
    int node = 0;
    int from = 0;
    std::string activation;
  };

  const EditGraph &graph;
  int state = 0;
  int input = 0;
  std::vector<Found> found;

  static void require(bool holds, const char *problem) {
    CELLWRIGHT_CHECK(holds, "this is no cell of `enas` or `darts`: {}", problem);
  }

  const EditNode &at(int node) const { return graph.nodes[node]; }

  /// Whether a node is an activation of a product of `from`, or, for the state, of x and h.
  bool isActivated(int node, int from) const {
    if (at(node).operands.size() != 1)
      return false;
    const EditNode &linear = at(at(node).operands[0]);
    std::vector<int> operands =
        from == state ? std::vector<int>{input, state} : std::vector<int>{from};
    return linear.op == "linear" && !linear.hasBias && linear.operands == operands;
  }

  /// `from + c * (a - from)`.
  void readNode(int node) {
    if (at(node).op != "add")
      return;
    int from = at(node).operands[0];
    const EditNode &change = at(at(node).operands[1]);
    if (change.op != "mul" || at(change.operands[1]).op != "sub")
      return;
    int gate = change.operands[0];
    const EditNode &difference = at(change.operands[1]);
    int activated = difference.operands[0];
    bool isNode = difference.operands[1] == from && at(gate).op == "sigmoid" &&
                  isActivated(gate, from) && isActivated(activated, from);
    if (isNode)
      found.push_back({node, from, at(activated).op});
  }

  /// s0, s1, ... are in the order of their numbers; without such names in that of the cell.
  void sortByName() {
    auto number = [&](const Found &entry) {
      const std::string &name = at(entry.node).name;
      int value = -1;
      if (name.size() > 1 && name[0] == 's')
        std::from_chars(name.data() + 1, name.data() + name.size(), value);
      return value;
    };
    bool areNamed = std::all_of(found.begin(), found.end(), [&](const Found &entry) {
      int value = number(entry);
      return value >= 0 && value < static_cast<int>(found.size());
    });
    if (areNamed)
      std::stable_sort(found.begin(), found.end(),
                       [&](const Found &a, const Found &b) { return number(a) < number(b); });
  }

  int numberOf(int node) const {
    for (size_t i = 0; i < found.size(); ++i)
      if (found[i].node == node)
        return static_cast<int>(i);
    require(false, "a node is made of what is none");
    return -1;
  }

  void readMean(int node, ChainCell &chain) const {
    std::vector<int> open = {node};
    size_t count = 1;
    if (at(node).op == "div") {
      const EditNode &divisor = at(at(node).operands[1]);
      require(divisor.op == "number" && divisor.number >= 1, "its output is no mean");
      count = static_cast<size_t>(divisor.number);
      open = {at(node).operands[0]};
    }
    auto isNode = [&](int i) {
      return std::any_of(found.begin(), found.end(),
                         [&](const Found &entry) { return entry.node == i; });
    };
    while (!open.empty()) {
      int part = open.back();
      open.pop_back();
      if (isNode(part)) {
        chain.mean.push_back(numberOf(part));
        continue;
      }
      require(at(part).op == "add", "its output is no mean of nodes");
      open.push_back(at(part).operands[1]);
      open.push_back(at(part).operands[0]);
    }
    require(chain.mean.size() == count, "its output is no mean of nodes");
  }
};

} // namespace

ChainCell chainOfCell(const Cell &cell) { return ChainReader(graphOfCell(cell)).read(); }

} // namespace cellwright
