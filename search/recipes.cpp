// See recipes.h. `blend(z, a, b)` is z * a + (1 - z) * b; it becomes four nodes of a graph, of
// which the last one has its name, and is found again by that.
#include "search/recipes.h"

#include "runtime/error.h"
#include "search/short_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace cellwright {

using nlohmann::json;

namespace {

struct RecipeOp {
  const char *name;
  const char *op; // of a graph
  size_t least;
  size_t most;
};

constexpr size_t kMany = 1000;
constexpr RecipeOp kOps[] = {
    {"linear", "linear", 1, kMany},
    {"elementwise_sum", "add", 2, kMany},
    {"elementwise_prod", "mul", 2, kMany},
    {"activation_tanh", "tanh", 1, 1},
    {"activation_sigm", "sigmoid", 1, 1},
    {"activation_leaky_relu", "leaky_relu", 1, 1},
    {"blend", "blend", 3, 3},
};

/// The number behind a prefix, as in `h_new_2`; -1 if the name is no such.
int indexOf(const std::string &name, const std::string &prefix) {
  int index = -1;
  if (!name.starts_with(prefix))
    return -1;
  const char *end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, index);
  return error == std::errc() && stop == end && index >= 0 && index < static_cast<int>(kMany)
             ? index
             : -1;
}

bool isIdentifier(const std::string &name) {
  auto isLetter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && isLetter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return isLetter(c) || (c >= '0' && c <= '9');
  });
}

class RecipeReader {
public:
  explicit RecipeReader(const json &recipe) : recipe(recipe) {}

  EditGraph read() {
    CELLWRIGHT_CHECK(recipe.is_object(), "a recipe is an object of nodes, this is `{}`",
                     shortJson(recipe));
    places["x"] = add({.op = "input", .operands = {}, .name = "x"});
    int states = 0;
    for (const auto &[name, node] : recipe.items()) {
      CELLWRIGHT_CHECK(name != "x" && indexOf(name, "h_prev_") < 0,
                       "this recipe makes a node `{}`, which is the name of an input", name);
      states = std::max(states, indexOf(name, "h_new_") + 1);
    }
    CELLWRIGHT_CHECK(states > 0, "this recipe has no `h_new_0`");
    for (int i = 0; i < states; ++i) {
      std::string name = "h_prev_" + std::to_string(i);
      places[name] = add({.op = "state", .operands = {}, .name = name});
    }
    for (int i = 0; i < states; ++i)
      graph.nexts.push_back(find("h_new_" + std::to_string(i)));
    graph.tidy();
    graph.check();
    return std::move(graph);
  }

private:
  const json &recipe;
  EditGraph graph;
  std::map<std::string, int> places;
  std::vector<std::string> open; // nodes that wait for their inputs

  int add(EditNode node) {
    graph.nodes.push_back(std::move(node));
    return static_cast<int>(graph.nodes.size()) - 1;
  }

  int find(const std::string &name) {
    if (auto known = places.find(name); known != places.end())
      return known->second;
    CELLWRIGHT_CHECK(recipe.contains(name), "this recipe has no node `{}`", name);
    CELLWRIGHT_CHECK(std::find(open.begin(), open.end(), name) == open.end(),
                     "node `{}` of this recipe needs its own value", name);
    CELLWRIGHT_CHECK(isIdentifier(name), "`{}` is no name of a node", name);
    CELLWRIGHT_CHECK(open.size() < kMany, "this recipe has chains of more than {} nodes", kMany);
    open.push_back(name);
    int made = make(name, recipe.at(name));
    open.pop_back();
    return places[name] = made;
  }

  int make(const std::string &name, const json &node) {
    bool hasParts = node.is_object() && node.contains("op") && node["op"].is_string() &&
                    node.contains("input") && node["input"].is_array();
    auto isText = [](const json &value) { return value.is_string(); };
    CELLWRIGHT_CHECK(
        hasParts && std::all_of(node["input"].begin(), node["input"].end(), isText),
        "node `{}` of this recipe: expected an `op`, a name, and an `input`, a list of "
        "names, found `{}`",
        name, shortJson(node));
    auto op = node["op"].get<std::string>();
    auto inputs = node["input"].get<std::vector<std::string>>();
    auto row = std::find_if(std::begin(kOps), std::end(kOps),
                            [&](const RecipeOp &known) { return known.name == op; });
    CELLWRIGHT_CHECK(row != std::end(kOps), "node `{}` is a `{}`, which no recipe has", name, op);
    CELLWRIGHT_CHECK(inputs.size() >= row->least && inputs.size() <= row->most,
                     "node `{}` is a `{}` of {} inputs", name, op, inputs.size());
    std::vector<int> operands;
    for (const std::string &input : inputs)
      operands.push_back(find(input));
    if (op == "blend")
      return blend(name, operands);
    if (op == "linear" || operands.size() == 1)
      return add({.op = row->op, .operands = operands, .name = name});
    int total = operands[0];
    for (size_t i = 1; i < operands.size(); ++i)
      total = add({.op = row->op,
                   .operands = {total, operands[i]},
                   .name = i + 1 == operands.size() ? name : ""});
    return total;
  }

  int blend(const std::string &name, const std::vector<int> &operands) {
    int one = add({.op = "number", .operands = {}, .name = "", .number = 1});
    int rest = add({.op = "sub", .operands = {one, operands[0]}});
    int left = add({.op = "mul", .operands = {operands[0], operands[1]}});
    int right = add({.op = "mul", .operands = {rest, operands[2]}});
    return add({.op = "add", .operands = {left, right}, .name = name});
  }
};

class RecipeWriter {
public:
  explicit RecipeWriter(const EditGraph &graph)
      : graph(graph), uses(graph.useCounts()), names(graph.nodes.size()) {}

  json write() {
    nameLeaves();
    for (size_t i = 0; i < graph.nexts.size(); ++i) {
      int next = graph.nexts[i];
      CELLWRIGHT_CHECK(!graph.isLeaf(next), "state {} takes over another one, which no recipe says",
                       i);
      CELLWRIGHT_CHECK(names[next].empty(), "two states have one next value, which no recipe says");
      names[next] = "h_new_" + std::to_string(i);
    }
    for (int next : graph.nexts)
      writeNode(next);
    return recipe;
  }

private:
  const EditGraph &graph;
  std::vector<int> uses;
  std::vector<std::string> names; // of nodes that are in the recipe
  json recipe = json::object();
  int count = 0;

  const EditNode &at(int node) const { return graph.nodes[node]; }

  void nameLeaves() {
    std::vector<int> inputs = graph.leaves("input");
    CELLWRIGHT_CHECK(inputs.size() == 1, "a recipe has one input, this cell has {}", inputs.size());
    names[inputs[0]] = "x";
    std::vector<int> states = graph.leaves("state");
    for (size_t i = 0; i < states.size(); ++i)
      names[states[i]] = "h_prev_" + std::to_string(i);
  }

  bool isTaken(const std::string &name) const {
    return recipe.contains(name) || std::find(names.begin(), names.end(), name) != names.end() ||
           std::any_of(graph.nodes.begin(), graph.nodes.end(),
                       [&](const EditNode &node) { return node.name == name; });
  }

  std::string nameOf(int node) {
    if (!names[node].empty())
      return names[node];
    std::string name = at(node).name;
    bool isReserved = name == "x" || indexOf(name, "h_prev_") >= 0 || indexOf(name, "h_new_") >= 0;
    if (name.empty() || isReserved)
      do
        name = "node_" + std::to_string(count++);
      while (isTaken(name));
    return names[node] = name;
  }

  /// Whether a node stands only inside of the one that uses it.
  bool isInner(int node, const char *op) const {
    return at(node).op == op && at(node).name.empty() && uses[node] == 1;
  }

  /// The inputs of a blend that ends in this node.
  std::optional<std::vector<int>> blendOf(const EditNode &node) const {
    if (node.op != "add" || !isInner(node.operands[0], "mul") || !isInner(node.operands[1], "mul"))
      return std::nullopt;
    const EditNode &left = at(node.operands[0]);
    const EditNode &right = at(node.operands[1]);
    int rest = right.operands[0];
    bool isBlend = isInner(rest, "sub") && at(at(rest).operands[0]).op == "number" &&
                   at(at(rest).operands[0]).number == 1 && at(rest).operands[1] == left.operands[0];
    if (!isBlend)
      return std::nullopt;
    return std::vector<int>{left.operands[0], left.operands[1], right.operands[1]};
  }

  /// The operands of a sum or product, those of inner ones with them.
  void flatten(int node, std::vector<int> &operands) const {
    const EditNode &from = at(node);
    for (size_t i = 0; i < from.operands.size(); ++i) {
      int operand = from.operands[i];
      bool isBlend = blendOf(at(operand)).has_value();
      if (i == 0 && isInner(operand, from.op.c_str()) && !isBlend)
        flatten(operand, operands);
      else
        operands.push_back(operand);
    }
  }

  void writeNode(int root) {
    std::vector<int> open = {root};
    while (!open.empty()) {
      int node = open.back();
      open.pop_back();
      std::string name = nameOf(node);
      if (graph.isLeaf(node) || recipe.contains(name))
        continue;
      std::string op = at(node).op;
      std::vector<int> operands = at(node).operands;
      if (auto blend = blendOf(at(node))) {
        op = "blend";
        operands = *blend;
      } else if (op == "add" || op == "mul") {
        operands.clear();
        flatten(node, operands);
      }
      auto row = std::find_if(std::begin(kOps), std::end(kOps),
                              [&](const RecipeOp &known) { return known.op == op; });
      bool isPlain = op != "linear" || (at(node).hasBias && !at(node).diagonal);
      CELLWRIGHT_CHECK(row != std::end(kOps) && isPlain, "no recipe has a node like `{}`{}", op,
                       isPlain ? "" : " without bias, or that starts as a diagonal");
      json inputs = json::array();
      for (int operand : operands) {
        CELLWRIGHT_CHECK(at(operand).op != "number", "no recipe has a number");
        inputs.push_back(nameOf(operand));
        open.push_back(operand);
      }
      recipe[name] = {{"op", row->name}, {"input", inputs}};
    }
  }
};

} // namespace

EditGraph graphOfRecipe(const json &recipe) { return RecipeReader(recipe).read(); }

json recipeOfGraph(const EditGraph &graph) { return RecipeWriter(graph).write(); }

} // namespace cellwright
