#include "dsl/layout.h"

#include <algorithm>
#include <numeric>

namespace cellwright {

namespace {

constexpr double kGapBetweenLayers = 44;
constexpr double kGapBetweenNodes = 16;
constexpr int kOrderSweeps = 16;
constexpr int kPlaceSweeps = 200;  // long edges straighten slowly
constexpr size_t kMaxLinks = 6000; // edges and their bends
constexpr double kBendWeight = 4;  // straight lines matter more than short ones

using Layers = std::vector<std::vector<int32_t>>;

class Placer {
public:
  explicit Placer(Layout &layout) : layout(layout) {}

  bool place() {
    findLayers();
    if (countLinks() > kMaxLinks)
      return false;
    cutLongEdges();
    findNeighbours();
    orderLayers();
    placeColumns();
    placeRows();
    return true;
  }

private:
  Layout &layout;
  Layers layers;
  std::vector<std::vector<int32_t>> before; // neighbours in the layer before
  std::vector<std::vector<int32_t>> behind;
  std::vector<double> rank; // of a node in its layer

  LayoutNode &at(int32_t node) { return layout.nodes[static_cast<size_t>(node)]; }

  void findLayers() {
    std::sort(layout.edges.begin(), layout.edges.end(),
              [](const LayoutEdge &a, const LayoutEdge &b) {
                return std::pair(a.to, a.from) < std::pair(b.to, b.from);
              });
    for (const LayoutEdge &edge : layout.edges)
      at(edge.to).layer = std::max(at(edge.to).layer, at(edge.from).layer + 1);
    int32_t last = 0;
    for (const LayoutNode &node : layout.nodes)
      last = std::max(last, node.layer + (node.isLast && node.layer == 0 ? 1 : 0));
    for (LayoutNode &node : layout.nodes)
      if (node.isLast)
        node.layer = last;
    pullForward();
    layers.resize(static_cast<size_t>(last) + 1);
  }

  /// Moves nodes that need not be early next to their first user, unless they are sources.
  void pullForward() {
    std::vector<int32_t> firstUser(layout.nodes.size(), -1);
    std::vector<bool> isSource(layout.nodes.size(), true);
    for (const LayoutEdge &edge : layout.edges)
      isSource[static_cast<size_t>(edge.to)] = false;
    for (size_t i = layout.edges.size(); i-- > 0;) {
      const LayoutEdge &edge = layout.edges[i];
      auto &user = firstUser[static_cast<size_t>(edge.from)];
      user = user < 0 ? at(edge.to).layer : std::min(user, at(edge.to).layer);
    }
    for (size_t i = layout.nodes.size(); i-- > 0;)
      if (!isSource[i] && firstUser[i] > 0 && !layout.nodes[i].isLast &&
          countOperands(static_cast<int32_t>(i)) <= 1)
        layout.nodes[i].layer = std::max(layout.nodes[i].layer, firstUser[i] - 1);
  }

  int countOperands(int32_t node) const {
    auto first = std::lower_bound(layout.edges.begin(), layout.edges.end(), node,
                                  [](const LayoutEdge &edge, int32_t to) { return edge.to < to; });
    int count = 0;
    for (; first != layout.edges.end() && first->to == node; ++first)
      ++count;
    return count;
  }

  size_t countLinks() {
    size_t count = 0;
    for (const LayoutEdge &edge : layout.edges)
      count += static_cast<size_t>(at(edge.to).layer - at(edge.from).layer);
    return count;
  }

  void cutLongEdges() {
    for (LayoutEdge &edge : layout.edges)
      for (int32_t layer = at(edge.from).layer + 1; layer < at(edge.to).layer; ++layer) {
        LayoutNode bend;
        bend.layer = layer;
        edge.bends.push_back(static_cast<int32_t>(layout.nodes.size()));
        layout.nodes.push_back(bend);
      }
    for (size_t i = 0; i < layout.nodes.size(); ++i)
      layers[static_cast<size_t>(layout.nodes[i].layer)].push_back(static_cast<int32_t>(i));
  }

  void findNeighbours() {
    before.resize(layout.nodes.size());
    behind.resize(layout.nodes.size());
    for (const LayoutEdge &edge : layout.edges) {
      int32_t last = edge.from;
      auto link = [&](int32_t next) {
        behind[static_cast<size_t>(last)].push_back(next);
        before[static_cast<size_t>(next)].push_back(last);
        last = next;
      };
      for (int32_t bend : edge.bends)
        link(bend);
      link(edge.to);
    }
  }

  //===-- Order in the layers -----------------------------------------------------------------===//

  void setRanks(const std::vector<int32_t> &layer) {
    for (size_t i = 0; i < layer.size(); ++i)
      rank[static_cast<size_t>(layer[i])] = static_cast<double>(i);
  }

  void orderLayers() {
    rank.assign(layout.nodes.size(), 0);
    for (const std::vector<int32_t> &layer : layers)
      setRanks(layer);
    Layers best = layers;
    int64_t fewest = countCrossings();
    for (int sweep = 0; sweep < kOrderSweeps && fewest > 0; ++sweep) {
      bool isForward = sweep % 2 == 0;
      for (size_t k = 0; k < layers.size(); ++k) {
        std::vector<int32_t> &layer = layers[isForward ? k : layers.size() - 1 - k];
        orderLayer(layer, isForward ? before : behind);
        setRanks(layer);
      }
      if (int64_t crossings = countCrossings(); crossings < fewest) {
        fewest = crossings;
        best = layers;
      }
    }
    layers = best;
    for (const std::vector<int32_t> &layer : layers)
      setRanks(layer);
  }

  void orderLayer(std::vector<int32_t> &layer,
                  const std::vector<std::vector<int32_t>> &neighbours) {
    std::vector<std::pair<double, int32_t>> keyed;
    for (int32_t node : layer) {
      const std::vector<int32_t> &linked = neighbours[static_cast<size_t>(node)];
      double sum = 0;
      for (int32_t other : linked)
        sum += rank[static_cast<size_t>(other)];
      keyed.push_back({linked.empty() ? rank[static_cast<size_t>(node)]
                                      : sum / static_cast<double>(linked.size()),
                       node});
    }
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    for (size_t i = 0; i < layer.size(); ++i)
      layer[i] = keyed[i].second;
  }

  int64_t countCrossings() const {
    int64_t crossings = 0;
    for (const std::vector<int32_t> &layer : layers) {
      std::vector<std::pair<double, double>> links;
      for (int32_t node : layer)
        for (int32_t other : behind[static_cast<size_t>(node)])
          links.push_back({rank[static_cast<size_t>(node)], rank[static_cast<size_t>(other)]});
      for (size_t i = 0; i < links.size(); ++i)
        for (size_t k = i + 1; k < links.size(); ++k)
          crossings += (links[i].first - links[k].first) * (links[i].second - links[k].second) < 0;
    }
    return crossings;
  }

  //===-- Coordinates -------------------------------------------------------------------------===//

  void placeColumns() {
    double x = 0;
    for (const std::vector<int32_t> &layer : layers) {
      double width = 0;
      for (int32_t node : layer)
        width = std::max(width, at(node).width);
      for (int32_t node : layer)
        at(node).x = x + width / 2;
      layout.columns.push_back({x, x + width});
      x += width + kGapBetweenLayers;
    }
    layout.width = x - kGapBetweenLayers;
  }

  void placeRows() {
    for (const std::vector<int32_t> &layer : layers) {
      double y = 0;
      for (int32_t node : layer) {
        at(node).y = y + at(node).height / 2;
        y += at(node).height + kGapBetweenNodes;
      }
    }
    for (int sweep = 0; sweep < kPlaceSweeps; ++sweep)
      for (size_t k = 0; k < layers.size(); ++k)
        placeLayer(layers[sweep % 2 == 0 ? k : layers.size() - 1 - k]);
    double top = 1e30;
    double bottom = -1e30;
    for (const LayoutNode &node : layout.nodes) {
      top = std::min(top, node.y - node.height / 2);
      bottom = std::max(bottom, node.y + node.height / 2);
    }
    for (LayoutNode &node : layout.nodes)
      node.y -= top;
    layout.height = bottom - top;
  }

  /// Nodes that touch, and where they would like to be together.
  struct Block {
    double weight = 0;
    double wish = 0; // weighted sum of where the first node of the block should be
    size_t first = 0;
    double place() const { return wish / weight; }
  };

  /// Moves the nodes of a layer as near to their neighbours as their order and distances allow.
  void placeLayer(const std::vector<int32_t> &layer) {
    std::vector<double> offsets(layer.size(), 0); // from the first node, without gaps to spare
    std::vector<Block> blocks;
    for (size_t i = 0; i < layer.size(); ++i) {
      const LayoutNode &node = at(layer[i]);
      if (i > 0)
        offsets[i] =
            offsets[i - 1] + (at(layer[i - 1]).height + node.height) / 2 + kGapBetweenNodes;
      double weight = node.width == 0 ? kBendWeight : 1;
      blocks.push_back({weight, weight * (wishOf(layer[i]) - offsets[i]), i});
      while (blocks.size() > 1 && blocks[blocks.size() - 2].place() > blocks.back().place()) {
        Block last = blocks.back();
        blocks.pop_back();
        blocks.back().weight += last.weight;
        blocks.back().wish += last.wish;
      }
    }
    for (size_t b = 0; b < blocks.size(); ++b) {
      size_t end = b + 1 < blocks.size() ? blocks[b + 1].first : layer.size();
      for (size_t i = blocks[b].first; i < end; ++i)
        at(layer[i]).y = blocks[b].place() + offsets[i];
    }
  }

  double wishOf(int32_t node) {
    double sum = 0;
    double weight = 0;
    auto visit = [&](int32_t other) {
      double w = at(other).width == 0 && at(node).width == 0 ? kBendWeight : 1;
      sum += w * at(other).y;
      weight += w;
    };
    for (int32_t other : before[static_cast<size_t>(node)])
      visit(other);
    for (int32_t other : behind[static_cast<size_t>(node)])
      visit(other);
    return weight == 0 ? at(node).y : sum / weight;
  }
};

} // namespace

bool placeNodes(Layout &layout) { return Placer(layout).place(); }

} // namespace cellwright
