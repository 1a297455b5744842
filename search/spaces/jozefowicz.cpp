// Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
// Architectures", section 3: graphs that start as LSTM and GRU and change by six mutations.
// Deviations: the paper mutates each node with one probability, drawn for the whole graph; `sample`
// draws by it how many edits there are, each of a random node, so that one may be edited twice and
// others that an edit made too; `mutate` makes one edit. Linear(a) starts as a times identity
// without the paper's small noise, and Linear(0) as any other `linear` does: as zeros it would pass
// no gradient. Inputs stand under `linear` only, so that sizes always fit.
#include "dsl/frontend.h"
#include "runtime/error.h"
#include "search/cell_graph.h"
#include "search/cell_text.h"
#include "search/space.h"
#include "search/spaces/spaces.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace cellwright {

using nlohmann::json;

namespace {

constexpr std::array kStarts = {"lstm", "gru"};
constexpr size_t kMostNodes = 300; // of a graph, far beyond what trains
constexpr int kTries = 200;        // for an edit that can be made

/// What an activation may be; a `linear` starts as its number times identity, or, for 0, at random.
struct Activation {
  const char *op;
  double diagonal;
};
constexpr std::array kActivations = {Activation{"sigmoid", 0}, Activation{"tanh", 0},
                                     Activation{"relu", 0},    Activation{"linear", 0},
                                     Activation{"linear", 1},  Activation{"linear", 0.9},
                                     Activation{"linear", 1.1}};
constexpr std::array kOperations = {"add", "sub", "mul"};

/// A graph and the edits of the paper. An edit gives what it did, or nothing if it cannot be made.
class Mutator {
public:
  Mutator(EditGraph &graph, Random &random) : graph(graph), random(random) {}

  /// One random edit of one random node.
  std::string mutate() {
    for (int i = 0; i < kTries; ++i) {
      std::vector<int> inner = innerNodes();
      if (inner.empty())
        return "";
      if (std::string edit = mutateNode(inner[random.below(inner.size())]); !edit.empty())
        return edit;
    }
    return "";
  }

  /// One random edit of a node.
  std::string mutateNode(int node) {
    constexpr std::array kEdits = {&Mutator::replaceActivation, &Mutator::replaceOperation,
                                   &Mutator::insertActivation,  &Mutator::removeNode,
                                   &Mutator::replaceByAncestor, &Mutator::replaceByOperation};
    std::string edit = (this->*kEdits[random.below(kEdits.size())])(node);
    if (edit.empty())
      return "";
    graph.tidy();
    nameShared();
    return edit;
  }

  std::vector<int> innerNodes() const {
    std::vector<int> inner;
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (!graph.isLeaf(static_cast<int>(i)))
        inner.push_back(static_cast<int>(i));
    return inner;
  }

private:
  EditGraph &graph;
  Random &random;

  const EditNode &at(int node) const { return graph.nodes[node]; }

  template <class List> const auto &pick(const List &list) {
    return list[random.below(list.size())];
  }

  /// Whether a node is a vector of the hidden size.
  bool isHidden(int node) const { return at(node).op != "input" && at(node).op != "number"; }

  bool isActivation(int node) const {
    const std::string &op = at(node).op;
    bool isFunction = op == "sigmoid" || op == "tanh" || op == "relu";
    return isFunction ||
           (op == "linear" && at(node).operands.size() == 1 && isHidden(at(node).operands[0]));
  }

  bool isOperation(int node) const {
    return std::find(kOperations.begin(), kOperations.end(), at(node).op) != kOperations.end();
  }

  std::string label(int node) const {
    const EditNode &named = at(node);
    return "`" + (named.name.empty() ? named.op : named.name) + "`";
  }

  static std::string label(const Activation &activation) {
    std::string op = activation.op;
    return op == "linear" ? fmt::format("`linear({})`", activation.diagonal) : "`" + op + "`";
  }

  static void become(EditNode &node, const Activation &activation) {
    node.op = activation.op;
    node.hasBias = true;
    node.biasStart.reset();
    node.diagonal.reset();
    if (node.op == "linear" && activation.diagonal != 0)
      node.diagonal = activation.diagonal;
  }

  int add(EditNode node) {
    graph.nodes.push_back(std::move(node));
    return static_cast<int>(graph.nodes.size()) - 1;
  }

  /// Nodes of the hidden size that a node is made of.
  std::vector<int> hiddenAncestors(int node) const {
    std::vector<int> found = graph.ancestors(node);
    std::erase_if(found, [&](int ancestor) { return !isHidden(ancestor); });
    return found;
  }

  //===-- The six -----------------------------------------------------------------------------===//

  std::string replaceActivation(int node) {
    if (!isActivation(node))
      return "";
    const Activation &activation = pick(kActivations);
    bool isSame =
        at(node).op == activation.op && at(node).diagonal.value_or(0) == activation.diagonal;
    if (isSame)
      return "";
    std::string edit = label(node) + " becomes " + label(activation);
    become(graph.nodes[node], activation);
    return edit;
  }

  std::string replaceOperation(int node) {
    std::string operation = pick(kOperations);
    if (!isOperation(node) || operation == at(node).op)
      return "";
    std::string edit = label(node) + ": `" + at(node).op + "` becomes `" + operation + "`";
    graph.nodes[node].op = operation;
    return edit;
  }

  std::string insertActivation(int node) {
    size_t edge = random.below(at(node).operands.size());
    int operand = at(node).operands[edge];
    if (!isHidden(operand) || graph.nodes.size() >= kMostNodes)
      return "";
    const Activation &activation = pick(kActivations);
    EditNode inserted;
    inserted.operands = {operand};
    become(inserted, activation);
    int place = add(std::move(inserted));
    graph.nodes[node].operands[edge] = place;
    return label(activation) + " between " + label(operand) + " and " + label(node);
  }

  std::string removeNode(int node) {
    bool isPassage = at(node).operands.size() == 1 && isHidden(at(node).operands[0]) &&
                     graph.useCounts()[node] == 1;
    if (!isPassage)
      return "";
    graph.replaceUses(node, at(node).operands[0]);
    return label(node) + " is taken away";
  }

  std::string replaceByAncestor(int node) {
    std::vector<int> ancestors = hiddenAncestors(node);
    if (ancestors.empty())
      return "";
    int ancestor = pick(ancestors);
    graph.replaceUses(node, ancestor);
    return label(ancestor) + " stands for " + label(node);
  }

  std::string replaceByOperation(int node) {
    std::vector<int> inner = innerNodes();
    int other = pick(inner);
    std::vector<int> left = hiddenAncestors(node);
    std::vector<int> right = hiddenAncestors(other);
    // What is made of the node cannot be part of it.
    std::erase_if(right, [&](int ancestor) {
      std::vector<int> deeper = graph.ancestors(ancestor);
      return ancestor == node || std::find(deeper.begin(), deeper.end(), node) != deeper.end();
    });
    if (left.empty() || right.empty() || graph.nodes.size() >= kMostNodes)
      return "";
    std::string operation = pick(kOperations);
    int a = pick(left);
    int b = pick(right);
    std::string edit =
        "`" + operation + "` of " + label(a) + " and " + label(b) + " stands for " + label(node);
    int place = add({.op = operation, .operands = {a, b}});
    graph.replaceUses(node, place);
    return edit;
  }

  /// Nodes that are used twice get a name that they keep, so that equations of children look like
  /// those of their parents.
  void nameShared() {
    std::set<std::string> taken;
    for (const EditNode &node : graph.nodes)
      taken.insert(node.name);
    std::vector<int> uses = graph.useCounts();
    int number = 0;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      EditNode &node = graph.nodes[i];
      if (!node.name.empty() || uses[i] < 2 || node.op == "number")
        continue;
      do
        node.name = "v" + std::to_string(++number);
      while (!taken.insert(node.name).second);
    }
  }
};

class Jozefowicz final : public Space {
public:
  std::string_view name() const override { return "jozefowicz"; }
  std::string describe() const override { return "graphs that start as lstm and gru"; }
  double size() const override { return std::numeric_limits<double>::infinity(); }

  std::vector<Candidate> starts() const override {
    std::vector<Candidate> candidates;
    for (const char *start : kStarts)
      candidates.push_back(candidateOf(startGraph(start), start));
    return candidates;
  }

  Candidate sample(Random &random) const override {
    const char *start = kStarts[random.below(kStarts.size())];
    EditGraph graph = startGraph(start);
    double probability = random.uniform();
    size_t count = graph.nodes.size();
    for (size_t i = 0; i < count; ++i)
      if (random.uniform() < probability)
        Mutator(graph, random).mutate();
    return candidateOf(graph, "jozefowicz");
  }

  std::optional<Candidate> mutate(const Candidate &candidate, Random &random) const override {
    EditGraph graph = graphOfJson(parse(candidate.genotype));
    std::string edit = Mutator(graph, random).mutate();
    if (edit.empty())
      return std::nullopt;
    Candidate mutant = candidateOf(graph, "jozefowicz");
    mutant.edit = describeEdit(edit, candidate.cell, mutant.cell);
    return mutant;
  }

  std::optional<Candidate> crossover(const Candidate &a, const Candidate &b,
                                     Random &random) const override {
    EditGraph graph = graphOfJson(parse(a.genotype));
    EditGraph other = graphOfJson(parse(b.genotype));
    std::vector<int> places = Mutator(graph, random).innerNodes();
    std::vector<int> roots = Mutator(other, random).innerNodes();
    if (places.empty() || roots.empty() || graph.nodes.size() + other.nodes.size() > kMostNodes)
      return std::nullopt;
    int place = places[random.below(places.size())];
    int root = roots[random.below(roots.size())];
    graph.replaceUses(place, transplant(graph, other, root));
    graph.tidy();
    Candidate child = candidateOf(graph, "jozefowicz");
    child.edit = describeEdit("a part of the other parent", a.cell, child.cell);
    return child;
  }

  Candidate make(const std::string &genotype) const override {
    return candidateOf(graphOfJson(parse(genotype)), "jozefowicz");
  }

  std::string genotypeOf(const std::string &cell) const override {
    std::string genotype;
    withCell(cell, [&](const Program &, const CheckedCell &checked) {
      genotype = jsonOfGraph(graphOfCell(checked.cell)).dump();
    });
    return genotype;
  }

private:
  static json parse(const std::string &genotype) {
    json value = json::parse(genotype, nullptr, /*allow_exceptions=*/false);
    CELLWRIGHT_CHECK(!value.is_discarded(), "the genotype of this candidate is no JSON");
    return value;
  }

  static EditGraph startGraph(const char *start) {
    Frontend frontend;
    CheckedCell checked = frontend.findCell(start);
    CELLWRIGHT_CHECK(checked.isGood, "the shipped cell `{}` is not good", start);
    return graphOfCell(checked.cell);
  }

  static Candidate candidateOf(const EditGraph &graph, const std::string &name) {
    return {printedCell(textOfGraph(graph, name)), jsonOfGraph(graph).dump(), {}, ""};
  }

  /// Copies a node of another graph and all that it is made of; inputs and states are those of the
  /// same number, or, where there are fewer, go round.
  static int transplant(EditGraph &graph, const EditGraph &other, int root) {
    std::vector<int> places(other.nodes.size(), -1);
    for (const char *op : {"input", "state"}) {
      std::vector<int> ours = graph.leaves(op);
      std::vector<int> theirs = other.leaves(op);
      for (size_t i = 0; i < theirs.size(); ++i)
        places[theirs[i]] = ours[i % ours.size()];
    }
    std::vector<int> copied = other.ancestors(root);
    copied.push_back(root);
    for (int node : copied) {
      if (places[node] >= 0)
        continue;
      EditNode copy = other.nodes[node];
      for (int &operand : copy.operands)
        operand = places[operand];
      places[node] = static_cast<int>(graph.nodes.size());
      graph.nodes.push_back(std::move(copy));
    }
    return places[root];
  }
};

} // namespace

std::unique_ptr<Space> makeJozefowicz() { return std::make_unique<Jozefowicz>(); }

} // namespace cellwright
