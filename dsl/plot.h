// Plots as SVG: axes with round numbers and series of points. What one gets wrong: a plot has its
// shapes in itself but its colours in the page, which gives them to the styles of its series.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct PlotAxis {
  std::string label;
  bool isLogarithmic = false; // numbers above 0 only
  // Where the axis ends; absent: where the points do.
  std::optional<double> least, most;
};

enum class PlotKind : uint8_t {
  Cloud, // dots without titles; many that fall on the same place are drawn once
  Marks, // circles with titles
  Line,
  Steps, // a line that keeps its height up to the next point
};

struct PlotPoint {
  double x, y;
  std::string title; // of a mark: what is shown below the pointer
};

struct PlotSeries {
  PlotKind kind;
  std::string style; // a class of the page: `stroke` of lines and clouds, `fill` of marks
  std::string label; // in the legend; empty: not there
  std::vector<PlotPoint> points;
};

struct Plot {
  std::string name; // for who does not see it
  PlotAxis x, y;
  std::vector<PlotSeries> series; // the first at the back
};

/// Draws all points that are on the axes; a note in place of a plot if there are none. Takes
/// numbers up to about 1e300.
std::string drawPlot(const Plot &plot);

/// What a page with plots adds to its style.
inline constexpr std::string_view kPlotStyle = R"(
.plot path { fill: none; stroke-width: 1.6; stroke-linejoin: round }
.plot path.cloud { stroke-width: 3.4; stroke-linecap: round; stroke-opacity: .45 }
.plot path.few { stroke-width: 6; stroke-opacity: .7 }
.plot .frame { stroke: #8c97ab; stroke-width: 1 }
)";

} // namespace cellwright
