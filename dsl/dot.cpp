#include "dsl/draw.h"
#include "dsl/graph.h"

#include <string_view>

namespace cellwright {

namespace {

std::string_view attributesOf(GraphKind kind) {
  switch (kind) {
  case GraphKind::Input:
    return "shape=box style=\"rounded,filled\" fillcolor=\"#dbeafe\"";
  case GraphKind::State:
  case GraphKind::Next:
    return "shape=box style=filled fillcolor=\"#dcfce7\"";
  case GraphKind::Output:
    return "shape=box style=\"rounded,filled\" fillcolor=\"#fee2e2\"";
  case GraphKind::Product:
    return "shape=box style=filled fillcolor=\"#ffedd5\"";
  case GraphKind::Function:
    return "shape=ellipse style=filled fillcolor=\"#ede9fe\"";
  case GraphKind::Operator:
    return "shape=ellipse margin=\"0.06,0.02\" width=0.4 height=0.4";
  }
  return "";
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (char character : text) {
    if (character == '"' || character == '\\')
      quoted += '\\';
    if (character == '\n')
      quoted += "\\n";
    else
      quoted += character;
  }
  return quoted + "\"";
}

} // namespace

std::string writeDot(const Cell &cell) {
  CellGraph graph = makeGraph(cell);
  std::string out = "digraph " + quote(cell.name) +
                    " {\n  rankdir=LR nodesep=0.35\n  node [fontname=\"sans-serif\"]\n  edge "
                    "[color=\"#64748b\"]\n";
  std::string first;
  std::string last;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode &node = graph.nodes[i];
    out += "  n" + std::to_string(i) + " [label=" + quote(node.label) + " " +
           std::string(attributesOf(node.kind));
    out += node.name.empty() ? "" : " xlabel=" + quote(node.name);
    out += node.title.empty() ? "]\n" : " tooltip=" + quote(node.title) + "]\n";
    bool isFirst = node.kind == GraphKind::Input || node.kind == GraphKind::State;
    bool isLast = node.kind == GraphKind::Next || node.kind == GraphKind::Output;
    (isFirst ? first : last) += isFirst || isLast ? " n" + std::to_string(i) : "";
    for (int32_t operand : node.operands)
      out += "  n" + std::to_string(operand) + " -> n" + std::to_string(i) + "\n";
  }
  for (auto [next, state] : graph.carried)
    out += "  n" + std::to_string(next) + " -> n" + std::to_string(state) +
           " [style=dashed color=\"#16a34a\" constraint=false]\n";
  out += "  {rank=source" + first + "}\n  {rank=sink" + last + "}\n";
  return out + "}\n";
}

} // namespace cellwright
