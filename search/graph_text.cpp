// A graph as statements. Nodes without a name that are used once stand inside of the statement that
// uses them, as long as it has no other `linear`: parameters are called by their statement.
#include "search/cell_graph.h"

#include "dsl/format.h"
#include "dsl/text.h"
#include "dsl/words.h"
#include "runtime/error.h"

#include <algorithm>
#include <set>

namespace cellwright {

namespace {

class GraphWriter {
public:
  GraphWriter(const EditGraph &graph, const std::string &name)
      : graph(graph), uses(graph.useCounts()), names(graph.nodes.size()), cell(name) {}

  std::string write() {
    nameNodes();
    findOpenSizes();
    out = "cell " + cell + " {\n";
    declare("input", "I");
    declare("state", "H");
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (!names[i].empty() && !graph.isLeaf(static_cast<int>(i)))
        writeStatement(names[i] + (isOpen[i] ? "[H] = " : " = "), names[i], static_cast<int>(i));
    std::vector<int> states = graph.leaves("state");
    for (size_t i = 0; i < states.size(); ++i)
      writeStatement(names[states[i]] + "' = ", names[states[i]], graph.nexts[i]);
    out += inits + "}\n";
    Diagnostics diagnostics;
    auto formatted = formatText(out, 0, diagnostics);
    CELLWRIGHT_CHECK(formatted.has_value(), "this graph gives no cell:\n{}", out);
    return *formatted;
  }

private:
  const EditGraph &graph;
  std::vector<int> uses;
  std::vector<std::string> names; // by node; empty for those that stand inside of others
  std::vector<bool> isOpen;       // by node: its statement has to say the size
  std::string cell;
  std::set<std::string> taken;
  std::string out;
  std::string inits;
  std::string statement; // at hand

  std::string freeName(const std::string &wanted) {
    std::string name = wanted;
    for (int i = 2; !taken.insert(name).second; ++i)
      name = wanted + "_" + std::to_string(i);
    return name;
  }

  void nameNodes() {
    for (std::string_view word : kWords)
      taken.insert(std::string(word));
    int inputs = 0, states = 0;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const EditNode &node = graph.nodes[i];
      if (node.op == "input")
        names[i] = freeName(!node.name.empty() ? node.name
                            : inputs == 0      ? "x"
                                               : "x" + std::to_string(inputs + 1));
      if (node.op == "state")
        names[i] = freeName(!node.name.empty() ? node.name
                            : states == 0      ? "h"
                            : states == 1      ? "c"
                                               : "s" + std::to_string(states + 1));
      inputs += node.op == "input";
      states += node.op == "state";
    }
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (!graph.nodes[i].name.empty() && names[i].empty() && graph.nodes[i].op != "number")
        names[i] = freeName(graph.nodes[i].name);
    for (size_t i = graph.nodes.size(); i-- > 0;) {
      bool isInside = uses[i] == 1 || graph.nodes[i].op == "number";
      if (names[i].empty() && !isInside)
        names[i] = freeName("v" + std::to_string(i));
    }
    splitStatements();
  }

  /// Names nodes until no statement has two `linear`.
  void splitStatements() {
    std::vector<int> linears(graph.nodes.size(), 0); // in the expression of a node
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      linears[i] = graph.nodes[i].op == "linear";
      for (int operand : graph.nodes[i].operands) {
        if (!names[operand].empty())
          continue;
        if (linears[i] + linears[operand] > 1)
          names[operand] = freeName("v" + std::to_string(operand));
        else
          linears[i] += linears[operand];
      }
    }
  }

  /// Finds values whose size nothing fixes: those that meet a state only under a `linear`.
  void findOpenSizes() {
    std::vector<int> groups(graph.nodes.size()); // nodes of one size, by their first
    auto rootOf = [&](int node) {
      while (groups[node] != node)
        node = groups[node];
      return node;
    };
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i] = static_cast<int>(i);
      const EditNode &node = graph.nodes[i];
      for (int operand : node.operands)
        if (node.op != "linear" && graph.nodes[operand].op != "number")
          groups[rootOf(static_cast<int>(i))] = rootOf(operand);
    }
    std::vector<bool> isFixed(groups.size(), false); // by group
    for (int state : graph.leaves("state"))
      isFixed[rootOf(state)] = true;
    for (int next : graph.nexts)
      isFixed[rootOf(next)] = true;
    isOpen.assign(groups.size(), false);
    for (size_t i = 0; i < groups.size(); ++i) {
      int group = rootOf(static_cast<int>(i));
      isOpen[i] = !isFixed[group] && !names[i].empty() && !graph.isLeaf(static_cast<int>(i));
      isFixed[group] = isFixed[group] || isOpen[i];
    }
  }

  void declare(const std::string &op, const std::string &size) {
    std::string list;
    std::vector<int> leaves = graph.leaves(op);
    for (size_t i = 0; i < leaves.size(); ++i) {
      bool isOther = op == "input" && i > 0;
      list += (i == 0 ? " " : ", ") + names[leaves[i]] + "[" + size +
              (isOther ? std::to_string(i + 1) : "") + "]";
    }
    if (!leaves.empty())
      out += op + list + "\n";
  }

  void writeStatement(const std::string &left, const std::string &name, int node) {
    statement = name;
    bool isOwn = left.find('\'') == std::string::npos;
    out += left + (isOwn ? expression(node) : operand(node, 0)) + "\n";
  }

  /// How tightly each operation binds, for parentheses.
  static int tightness(const EditNode &node) {
    return node.op == "add" || node.op == "sub" ? 1 : node.op == "mul" || node.op == "div" ? 2 : 3;
  }

  std::string operand(int node, int least) {
    if (!names[node].empty())
      return names[node];
    std::string text = expression(node);
    return tightness(graph.nodes[node]) < least ? "(" + text + ")" : text;
  }

  std::string expression(int index) {
    const EditNode &node = graph.nodes[index];
    if (node.op == "number")
      return std::string(makeText(node.number).view());
    if (node.op == "add" || node.op == "sub")
      return operand(node.operands[0], 1) + (node.op == "add" ? " + " : " - ") +
             operand(node.operands[1], 2);
    if (node.op == "mul" || node.op == "div")
      return operand(node.operands[0], 2) + (node.op == "mul" ? " * " : " / ") +
             operand(node.operands[1], 3);
    if (node.op == "linear")
      return linear(node);
    return node.op + "(" + operand(node.operands[0], 0) + ")";
  }

  std::string linear(const EditNode &node) {
    std::vector<std::string> plain;
    std::string list;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      std::string text = operand(node.operands[i], 0);
      bool isPlain = !names[node.operands[i]].empty();
      // The same name twice would make the same parameter twice; an expression goes by its place.
      bool isTwice = isPlain && std::find(plain.begin(), plain.end(), text) != plain.end();
      if (isPlain && !isTwice)
        plain.push_back(text);
      std::string suffix = isPlain && !isTwice ? text : std::to_string(i + 1);
      if (node.diagonal)
        inits += "init W_" + statement + "_" + suffix + " ~ identity(" +
                 std::string(makeText(*node.diagonal).view()) + ")\n";
      list += (i == 0 ? "" : ", ") + (isTwice ? "identity(" + text + ")" : text);
    }
    if (node.biasStart && node.hasBias)
      inits += "init b_" + statement + " = " + std::string(makeText(*node.biasStart).view()) + "\n";
    return "linear(" + list + (node.hasBias ? ")" : ", bias = false)");
  }
};

} // namespace

std::string textOfGraph(const EditGraph &graph, const std::string &name) {
  return GraphWriter(graph, name).write();
}

} // namespace cellwright
