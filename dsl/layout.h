// Places for the nodes of a layered graph, after Sugiyama, Tagawa & Toda 1981: layers by longest
// path, long edges cut by bends, few crossings by barycenters, heights by least squares.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

/// A node to be placed, or a bend of an edge.
struct LayoutNode {
  double width = 0;
  double height = 0;
  bool isLast = false; // stands in the last layer
  double x = 0;        // of the centre
  double y = 0;
  int32_t layer = 0;
};

/// An edge and the bends it got, from its first node to its last.
struct LayoutEdge {
  int32_t from = 0;
  int32_t to = 0;
  std::vector<int32_t> bends;
};

struct Layout {
  std::vector<LayoutNode> nodes; // the caller's, then bends
  std::vector<LayoutEdge> edges;
  std::vector<std::pair<double, double>> columns; // by layer: left and right
  double width = 0;
  double height = 0;
};

/// Fills in x, y, layers and bends; false if there is too much to place. Precondition: edges lead
/// from lower to higher numbers.
bool placeNodes(Layout &layout);

} // namespace cellwright
