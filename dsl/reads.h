// Which names an expression mentions, and whether as values or as sizes: what stands in the
// brackets of a slice is a size, what stands in `size(...)` is a value again.
#pragma once

#include "dsl/syntax.h"

#include <cstdint>
#include <vector>

namespace cellwright {

/// Calls `visit(node, isSize)` for every Name and NextState of an expression.
template <class Visit>
constexpr void forEachName(const Syntax &syntax, Expr expr, bool isSize, Visit visit) {
  struct Region {
    int32_t end;
    bool wasSize;
  };
  std::vector<Region> regions;
  for (int32_t i = expr.first; i <= expr.root; ++i) {
    const Node &node = syntax.nodes[i];
    while (!regions.empty() && regions.back().end <= i) {
      isSize = regions.back().wasSize;
      regions.pop_back();
    }
    if (node.kind == NodeKind::Bounds || node.kind == NodeKind::SizeOf) {
      regions.push_back({i + node.skip, isSize});
      isSize = node.kind == NodeKind::Bounds;
    } else if (node.kind == NodeKind::Name || node.kind == NodeKind::NextState) {
      visit(node, isSize);
    }
  }
}

} // namespace cellwright
