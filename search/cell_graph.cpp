// See cell_graph.h.
#include "search/cell_graph.h"

#include "dsl/signatures.h"
#include "runtime/error.h"
#include "search/read_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cellwright {

using nlohmann::json;

std::vector<int> EditGraph::leaves(const std::string &op) const {
  std::vector<int> found;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].op == op)
      found.push_back(static_cast<int>(i));
  return found;
}

bool EditGraph::isLeaf(int node) const {
  const std::string &op = nodes[node].op;
  return op == "input" || op == "state" || op == "number";
}

std::vector<int> EditGraph::ancestors(int node) const {
  std::vector<bool> isFound(nodes.size(), false);
  std::vector<int> open = nodes[node].operands;
  while (!open.empty()) {
    int at = open.back();
    open.pop_back();
    if (isFound[at])
      continue;
    isFound[at] = true;
    open.insert(open.end(), nodes[at].operands.begin(), nodes[at].operands.end());
  }
  std::vector<int> found;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (isFound[i])
      found.push_back(static_cast<int>(i));
  return found;
}

std::vector<int> EditGraph::useCounts() const {
  std::vector<int> counts(nodes.size(), 0);
  for (const EditNode &node : nodes)
    for (int operand : node.operands)
      ++counts[operand];
  for (int next : nexts)
    ++counts[next];
  return counts;
}

void EditGraph::replaceUses(int node, int other) {
  for (size_t i = 0; i < nodes.size(); ++i)
    if (static_cast<int>(i) != other)
      std::replace(nodes[i].operands.begin(), nodes[i].operands.end(), node, other);
  std::replace(nexts.begin(), nexts.end(), node, other);
}

void EditGraph::tidy() {
  enum : char { kUnseen, kOpen, kDone };
  std::vector<char> states(nodes.size(), kUnseen);
  std::vector<int> order;
  std::vector<int> open;
  auto visit = [&](int root) {
    open.push_back(root);
    while (!open.empty()) {
      int at = open.back();
      if (states[at] != kUnseen) {
        if (states[at] == kOpen)
          order.push_back(at);
        states[at] = kDone;
        open.pop_back();
        continue;
      }
      states[at] = kOpen;
      for (size_t i = nodes[at].operands.size(); i-- > 0;) {
        int operand = nodes[at].operands[i];
        CELLWRIGHT_CHECK(states[operand] != kOpen, "node {} of this graph needs its own value", at);
        if (states[operand] == kUnseen)
          open.push_back(operand);
      }
    }
  };
  for (const char *op : {"input", "state"})
    for (int leaf : leaves(op))
      visit(leaf);
  for (int next : nexts)
    visit(next);
  std::vector<int> places(nodes.size(), -1);
  std::vector<EditNode> tidied;
  for (int node : order) {
    places[node] = static_cast<int>(tidied.size());
    tidied.push_back(std::move(nodes[node]));
    for (int &operand : tidied.back().operands)
      operand = places[operand];
  }
  nodes = std::move(tidied);
  for (int &next : nexts)
    next = places[next];
}

//===-- JSON ----------------------------------------------------------------------------------===//

json jsonOfGraph(const EditGraph &graph) {
  json nodes = json::array();
  for (const EditNode &node : graph.nodes) {
    json fields = {{"op", node.op}};
    if (!node.operands.empty())
      fields["of"] = node.operands;
    if (!node.name.empty())
      fields["name"] = node.name;
    if (node.op == "number")
      fields["number"] = node.number;
    if (!node.hasBias)
      fields["bias"] = false;
    if (node.diagonal)
      fields["diagonal"] = *node.diagonal;
    if (node.biasStart)
      fields["bias_start"] = *node.biasStart;
    nodes.push_back(std::move(fields));
  }
  return {{"nodes", nodes}, {"nexts", graph.nexts}};
}

/// Whether a node may have this operation and so many operands.
static bool isKnown(const std::string &op, size_t operands) {
  if (op == "input" || op == "state" || op == "number")
    return operands == 0;
  if (op == "add" || op == "sub" || op == "mul" || op == "div")
    return operands == 2;
  if (op == "linear")
    return operands >= 1;
  FunctionId function = findFunction(op);
  return operands == 1 && function != kNoFunction &&
         kFunctions[function].use == FunctionUse::Public &&
         kFunctions[function].kind == FunctionClass::Elementwise &&
         kSignatures[function].count == 1;
}

void EditGraph::check() const {
  CELLWRIGHT_CHECK(nexts.size() == leaves("state").size() && !nexts.empty(),
                   "a graph with {} states has {} next values", leaves("state").size(),
                   nexts.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const EditNode &node = nodes[i];
    CELLWRIGHT_CHECK(isKnown(node.op, node.operands.size()),
                     "`{}` of {} operands is no node of a graph", node.op, node.operands.size());
    for (int operand : node.operands) {
      CELLWRIGHT_CHECK(operand >= 0 && operand < static_cast<int>(i),
                       "node {} uses node {}, which does not stand before it", i, operand);
      CELLWRIGHT_CHECK(node.op == "linear" || nodes[operand].op != "input",
                       "`{}` takes an input; in a graph only `linear` does", node.op);
      CELLWRIGHT_CHECK(node.op != "linear" || nodes[operand].op != "number",
                       "`linear` takes a number; it takes vectors");
    }
  }
  for (int next : nexts)
    CELLWRIGHT_CHECK(next >= 0 && next < static_cast<int>(nodes.size()) &&
                         nodes[next].op != "input" && nodes[next].op != "number",
                     "node {} is no next value of a state", next);
}

EditGraph graphOfJson(const json &value) {
  EditGraph graph;
  try {
    for (const json &fields : value.at("nodes")) {
      EditNode node;
      fields.at("op").get_to(node.op);
      node.operands = fields.value("of", std::vector<int>{});
      node.name = fields.value("name", "");
      node.number = fields.value("number", 0.0);
      node.hasBias = fields.value("bias", true);
      if (fields.contains("diagonal"))
        node.diagonal = fields.at("diagonal").get<double>();
      if (fields.contains("bias_start"))
        node.biasStart = fields.at("bias_start").get<double>();
      graph.nodes.push_back(std::move(node));
    }
    value.at("nexts").get_to(graph.nexts);
  } catch (const json::exception &problem) {
    throw Error(fmt::format("this is no graph of a cell: {}", sayJsonProblem(problem)));
  }
  graph.check();
  return graph;
}

} // namespace cellwright
