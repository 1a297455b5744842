// A checked cell as a small graph for drawings: products with their sums and biases are one node,
// and numbers and parameters are part of the node that uses them.
#pragma once

#include "dsl/cell.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cellwright {

enum class GraphKind : uint8_t { Input, State, Next, Output, Product, Function, Operator };

struct GraphNode {
  GraphKind kind = GraphKind::Operator;
  std::string label; // in lines
  std::string title; // a longer text for tooltips
  std::string name;  // of the value, if a statement gave it one
  std::vector<int32_t> operands;
};

struct CellGraph {
  std::vector<GraphNode> nodes;                     // operands before their users
  std::vector<std::pair<int32_t, int32_t>> carried; // a next state and its state
};

/// Makes the graph of one step.
CellGraph makeGraph(const Cell &cell);

} // namespace cellwright
