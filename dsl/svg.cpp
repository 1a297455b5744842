// Draws what layout.cpp has placed. Widths of texts are estimated: an SVG has no measure of its
// own.
#include "dsl/draw.h"

#include "dsl/graph.h"
#include "dsl/html.h"
#include "dsl/layout.h"
#include "dsl/lexer.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

namespace cellwright {

namespace {

constexpr double kMargin = 28;
constexpr double kTitleHeight = 34;
constexpr double kLegendHeight = 40;
constexpr double kLetterWidth = 7.6;
constexpr double kBaseline = 4.5; // from the middle of a text down to its baseline
constexpr double kLineHeight = 16;
constexpr double kLaneGap = 12; // between the dashed lines
constexpr size_t kMaxDrawnNodes = 1000;
constexpr size_t kMaxCaption = 14; // characters of a value's name beside its node

constexpr std::string_view kStyle = R"(<style>
  .cell { font: 13px ui-sans-serif, system-ui, "Helvetica Neue", Arial, sans-serif; }
  .cell .paper { fill: #ffffff; }
  .cell text { fill: #1f2937; text-anchor: middle; }
  .cell .title { font-size: 16px; font-weight: 600; text-anchor: start; }
  .cell .name { font-size: 11px; font-style: italic; fill: #6b7280; }
  .cell .legend { font-size: 11px; text-anchor: start; fill: #6b7280; }
  .cell .edge { fill: none; stroke: #94a3b8; stroke-width: 1.3; }
  .cell .carried { fill: none; stroke: #16a34a; stroke-width: 1.4; stroke-dasharray: 5 4; }
  .cell .tip { fill: #94a3b8; }
  .cell .carried-tip { fill: #16a34a; }
  .cell .node { stroke-width: 1.3; }
  .cell .input { fill: #dbeafe; stroke: #2563eb; }
  .cell .state { fill: #dcfce7; stroke: #16a34a; }
  .cell .output { fill: #fee2e2; stroke: #dc2626; }
  .cell .product { fill: #ffedd5; stroke: #ea580c; }
  .cell .function { fill: #ede9fe; stroke: #7c3aed; }
  .cell .operator { fill: #f8fafc; stroke: #64748b; }
  @media (prefers-color-scheme: dark) {
    .cell .paper { fill: #0f172a; }
    .cell text { fill: #e2e8f0; }
    .cell .legend, .cell .name { fill: #94a3b8; }
    .cell .edge { stroke: #64748b; }
    .cell .tip { fill: #64748b; }
    .cell .input { fill: #1e3a8a; }
    .cell .state { fill: #14532d; }
    .cell .output { fill: #7f1d1d; }
    .cell .product { fill: #7c2d12; }
    .cell .function { fill: #4c1d95; }
    .cell .operator { fill: #1e293b; }
  }
</style>
)";

struct KindStyle {
  std::string_view style;
  std::string_view text; // in the legend
};

KindStyle styleOf(GraphKind kind) {
  switch (kind) {
  case GraphKind::Input:
    return {"input", "input"};
  case GraphKind::State:
    return {"state", "state"};
  case GraphKind::Next:
    return {"state", ""};
  case GraphKind::Output:
    return {"output", "output"};
  case GraphKind::Product:
    return {"product", "matrix product"};
  case GraphKind::Function:
    return {"function", "function"};
  case GraphKind::Operator:
    return {"operator", "element-wise"};
  }
  return {"", ""};
}

std::vector<std::string_view> splitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      break;
  }
  return lines;
}

size_t countLetters(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size();
       i += std::max<size_t>(detail::utf8Length(text.substr(i, 4)), 1))
    ++count;
  return count;
}

class SvgWriter {
public:
  explicit SvgWriter(const Cell &cell) : cell(cell), graph(makeGraph(cell)) {}

  std::string write() {
    if (graph.nodes.size() > kMaxDrawnNodes || !lay())
      return writeNotice();
    double lanes = kLaneGap * static_cast<double>(graph.carried.size());
    left = kMargin + lanes;
    top = kTitleHeight + kMargin / 2 + lanes;
    double width = std::max(left + layout.width + lanes + kMargin, 520.0);
    double height = top + layout.height + kMargin + kLegendHeight;
    open(width, height);
    for (const LayoutEdge &edge : layout.edges)
      drawEdge(edge);
    for (size_t i = 0; i < graph.carried.size(); ++i)
      drawCarried(graph.carried[i], static_cast<double>(i + 1) * kLaneGap);
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      drawNode(graph.nodes[i], layout.nodes[i]);
    drawLegend(height - kLegendHeight / 2);
    return out + "</svg>\n";
  }

private:
  const Cell &cell;
  CellGraph graph;
  Layout layout;
  std::string out;
  double left = 0;
  double top = 0;

  /// `%` in the pattern is replaced by the next number.
  template <class... Numbers>
  static std::string fill(std::string_view pattern, Numbers... numbers) {
    double list[] = {static_cast<double>(numbers)...};
    size_t used = 0;
    std::string text;
    for (char character : pattern) {
      if (character != '%') {
        text += character;
        continue;
      }
      char digits[32];
      std::snprintf(digits, sizeof digits, "%.1f", list[used++]);
      text += digits;
    }
    return text;
  }

  std::string writeNotice() {
    open(520, 80);
    out += fill("<text class=\"legend\" x=\"%\" y=\"%\">", kMargin, 58);
    out += "too large to draw: " + std::to_string(graph.nodes.size()) + " nodes</text>\n";
    return out + "</svg>\n";
  }

  void open(double width, double height) {
    out += fill("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cell\" width=\"%\" height=\"%\" "
                "viewBox=\"0 0 % %\">\n",
                width, height, width, height);
    out += kStyle;
    out += "<defs>\n";
    for (std::string_view name : {"tip", "carried-tip"})
      out += "  <marker id=\"" + std::string(name) +
             "\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
             "orient=\"auto\">"
             "<path class=\"" +
             std::string(name) + "\" d=\"M0 0.8L8 4L0 7.2z\"/></marker>\n";
    out += fill("</defs>\n<rect class=\"paper\" width=\"%\" height=\"%\"/>\n", width, height);
    out += fill("<text class=\"title\" x=\"%\" y=\"%\">", kMargin, kTitleHeight / 2 + 6) +
           escapeMarkup(cell.name) + "</text>\n";
  }

  bool lay() {
    for (const GraphNode &node : graph.nodes) {
      LayoutNode placed;
      std::vector<std::string_view> lines = splitLines(node.label);
      double letters = 0;
      for (std::string_view line : lines)
        letters = std::max(letters, static_cast<double>(countLetters(line)));
      bool isSmall = node.kind == GraphKind::Operator || node.kind == GraphKind::Function;
      placed.height = (isSmall ? 28 : 32) + kLineHeight * static_cast<double>(lines.size() - 1);
      placed.width = std::max(placed.height, letters * kLetterWidth + (isSmall ? 16 : 22));
      placed.isLast = node.kind == GraphKind::Next || node.kind == GraphKind::Output;
      layout.nodes.push_back(placed);
    }
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      for (int32_t operand : graph.nodes[i].operands)
        layout.edges.push_back({operand, static_cast<int32_t>(i), {}});
    return placeNodes(layout);
  }

  /// Straight through every column, so that it crosses no node, and curved between them.
  void drawEdge(const LayoutEdge &edge) {
    const LayoutNode &from = layout.nodes[static_cast<size_t>(edge.from)];
    const LayoutNode &to = layout.nodes[static_cast<size_t>(edge.to)];
    double x = left + from.x + from.width / 2;
    double y = top + from.y;
    out += fill("<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M% %", x, y);
    auto lineTo = [&](double nextX) {
      if (nextX > x + 0.05)
        out += fill("H%", nextX);
      x = nextX;
    };
    auto curveTo = [&](const LayoutNode &next) {
      double nextX = left + layout.columns[static_cast<size_t>(next.layer)].first;
      double middle = (x + nextX) / 2;
      out += fill("C% % % % % %", middle, y, middle, top + next.y, nextX, top + next.y);
      x = nextX;
      y = top + next.y;
    };
    lineTo(left + layout.columns[static_cast<size_t>(from.layer)].second);
    for (int32_t bend : edge.bends) {
      const LayoutNode &node = layout.nodes[static_cast<size_t>(bend)];
      curveTo(node);
      lineTo(left + layout.columns[static_cast<size_t>(node.layer)].second);
    }
    curveTo(to);
    lineTo(left + to.x - to.width / 2);
    out += "\"/>\n";
  }

  /// From the right of a next state, above everything, to the left of its state.
  void drawCarried(std::pair<int32_t, int32_t> carried, double lane) {
    constexpr double kRadius = 8;
    const LayoutNode &next = layout.nodes[static_cast<size_t>(carried.first)];
    const LayoutNode &state = layout.nodes[static_cast<size_t>(carried.second)];
    double right = left + layout.width + lane;
    double above = top - kMargin / 4 - lane;
    double before = left - 6 - lane;
    double nextY = top + next.y;
    double stateY = top + state.y;
    out += fill("<path class=\"carried\" marker-end=\"url(#carried-tip)\" d=\"M% %H%",
                left + next.x + next.width / 2, nextY, right - kRadius);
    out += fill("Q% % % %V%", right, nextY, right, nextY - kRadius, above + kRadius);
    out += fill("Q% % % %H%", right, above, right - kRadius, above, before + kRadius);
    out += fill("Q% % % %V%", before, above, before, above + kRadius, stateY - kRadius);
    out += fill("Q% % % %H%\"/>\n", before, stateY, before + kRadius, stateY,
                left + state.x - state.width / 2);
  }

  void drawNode(const GraphNode &node, const LayoutNode &placed) {
    bool isRound = node.kind == GraphKind::Operator || node.kind == GraphKind::Function;
    double radius = isRound ? placed.height / 2 : node.kind == GraphKind::Product ? 3 : 9;
    out += "<g><title>" + escapeMarkup(node.title.empty() ? node.label : node.title) + "</title>";
    out += fill("<rect x=\"%\" y=\"%\" width=\"%\" height=\"%\" rx=\"%\" class=\"node ",
                left + placed.x - placed.width / 2, top + placed.y - placed.height / 2,
                placed.width, placed.height, radius);
    out += std::string(styleOf(node.kind).style) + "\"/>";
    std::vector<std::string_view> lines = splitLines(node.label);
    double y = top + placed.y + kBaseline - kLineHeight * static_cast<double>(lines.size() - 1) / 2;
    for (std::string_view line : lines) {
      out += fill("<text x=\"%\" y=\"%\">", left + placed.x, y) + escapeMarkup(line) + "</text>";
      y += kLineHeight;
    }
    bool isNamed = !node.name.empty() && node.name.size() <= kMaxCaption;
    if (isNamed)
      out += fill("<text class=\"name\" x=\"%\" y=\"%\">", left + placed.x,
                  top + placed.y - placed.height / 2 - 3) +
             escapeMarkup(node.name) + "</text>";
    out += "</g>\n";
  }

  void drawLegend(double y) {
    double x = kMargin;
    for (GraphKind kind : {GraphKind::Input, GraphKind::State, GraphKind::Product,
                           GraphKind::Function, GraphKind::Operator, GraphKind::Output}) {
      KindStyle style = styleOf(kind);
      bool isPresent = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const GraphNode &node) { return node.kind == kind; });
      if (!isPresent)
        continue;
      out +=
          fill("<rect x=\"%\" y=\"%\" width=\"12\" height=\"12\" rx=\"3\" class=\"node ", x, y - 6);
      out += std::string(style.style) + "\"/>";
      out += fill("<text class=\"legend\" x=\"%\" y=\"%\">", x + 17, y + 4) +
             std::string(style.text) + "</text>\n";
      x += 34 + 6.0 * static_cast<double>(style.text.size());
    }
  }
};

} // namespace

std::string writeSvg(const Cell &cell) { return SvgWriter(cell).write(); }

} // namespace cellwright
