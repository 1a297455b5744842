// A cell as a graph of nodes that a search can change: what the spaces of expression graphs and of
// recipes have in common. All values are vectors of one hidden size, but for the inputs, whose size
// is their own; what one gets wrong is that an input may stand under `linear` only.
#pragma once

#include "dsl/cell.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cellwright {

struct EditNode {
  /// `input`, `state`, `number`, `linear`, `add`, `sub`, `mul`, `div`, or the name of an
  /// element-wise function of one argument.
  std::string op;
  std::vector<int> operands; // nodes, all before this one
  std::string name = {};     // of its statement; empty: it may stand inside of another one
  double number = 0;         // of a `number`
  bool hasBias = true;       // of a `linear`
  std::optional<double> diagonal = {};  // a `linear` of one operand starts as this times identity
  std::optional<double> biasStart = {}; // the bias starts with this, not with zeros
};

struct EditGraph {
  std::vector<EditNode> nodes; // inputs and states first
  std::vector<int> nexts;      // by state: the node that is its next value; the first is the output

  /// Inputs, then states, as nodes of the graph.
  std::vector<int> leaves(const std::string &op) const;
  bool isLeaf(int node) const;
  /// All nodes that a node is made of, itself left out, in order.
  std::vector<int> ancestors(int node) const;
  /// How often each node is used, by nodes and as a next value.
  std::vector<int> useCounts() const;
  /// Gives all who use a node another one.
  void replaceUses(int node, int other);
  /// Puts operands before their users and leaves out nodes that nothing uses; leaves stay. Throws
  /// Error if there is a cycle.
  void tidy();
  /// Throws Error with what makes this no graph of a cell.
  void check() const;
};

/// The graph of a checked cell. Throws Error with the first operation that no graph has.
EditGraph graphOfCell(const Cell &cell);

/// The graph as a file with one cell, and its statements laid out as `fmt` does.
std::string textOfGraph(const EditGraph &graph, const std::string &name);

nlohmann::json jsonOfGraph(const EditGraph &graph);
/// Throws Error if the value is no graph.
EditGraph graphOfJson(const nlohmann::json &json);

} // namespace cellwright
