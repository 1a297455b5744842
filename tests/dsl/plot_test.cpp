// Plots: what is drawn of which points, and where.
#include "dsl/plot.h"

#include "tests/support/text_checks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace cellwright;

namespace {

Plot makePlot(PlotKind kind, std::vector<PlotPoint> points) {
  return {"a <plot>",
          {"x & y", false, {}, {}},
          {"z", false, {}, {}},
          {{kind, "style", "label", points}}};
}

} // namespace

TEST_CASE("the least and the greatest point are near the ends of the axes, whose ticks are round") {
  std::string svg = drawPlot(makePlot(PlotKind::Line, {{0, 0, ""}, {100, 1, ""}}));
  // 4 percent from the ends of 70 to 740 and of 288 to 30.
  CHECK(has(svg, "d=\"M94.8 278.4L715.2 39.6\""));
  for (const char *tick : {">0<", ">20<", ">40<", ">100<", ">0.2<", ">0.4<", ">1<"})
    CHECK_MESSAGE(has(svg, tick), tick);
  CHECK(has(svg, "x &amp; y"));
  CHECK(has(svg, "aria-label=\"a &lt;plot&gt;\""));
}

TEST_CASE("steps keep their height up to the next point") {
  std::string svg = drawPlot(makePlot(PlotKind::Steps, {{0, 0, ""}, {100, 1, ""}}));
  CHECK(has(svg, "d=\"M94.8 278.4H715.2V39.6\""));
}

TEST_CASE("logarithmic axes have powers of ten, and parts of them where they are short") {
  Plot plot = makePlot(PlotKind::Line, {{1, 0, ""}, {1e6, 1, ""}});
  plot.x.isLogarithmic = true;
  std::string svg = drawPlot(plot);
  CHECK(has(svg, ">1000<"));
  CHECK(has(svg, ">100k<"));
  CHECK_FALSE(has(svg, ">20k<"));
  plot.series[0].points = {{10'000, 0, ""}, {60'000, 1, ""}};
  svg = drawPlot(plot);
  CHECK(has(svg, ">20k<"));
  CHECK(has(svg, ">50k<"));
  plot.series[0].points = {{0, 0, ""}, {-1, 1, ""}};
  CHECK(has(drawPlot(plot), "nothing to plot yet: a &lt;plot&gt;"));
}

TEST_CASE("marks have titles, which are text") {
  std::string svg = drawPlot(makePlot(PlotKind::Marks, {{1, 2, "<b>"}}));
  CHECK(has(svg, "<circle class=\"style\""));
  CHECK(has(svg, "<title>&lt;b&gt;</title>"));
}

TEST_CASE("dots on the same place are drawn once") {
  std::vector<PlotPoint> points = {{0, 0, ""}, {1, 1, ""}};
  for (int i = 0; i < 10'000; ++i)
    points.push_back({0.5 + 1e-6 * i / 10'000, 0.5, ""});
  CHECK(count(drawPlot(makePlot(PlotKind::Cloud, points)), "h0") == 3 + 1); // one in the legend
}

TEST_CASE("points that are no numbers, or beyond the ends that an axis is given, are left out") {
  const double infinity = std::numeric_limits<double>::infinity();
  Plot plot = makePlot(PlotKind::Marks, {{0, 0, ""},
                                         {1, 1, ""},
                                         {2, std::nan(""), ""},
                                         {infinity, 1, ""},
                                         {1, -infinity, ""},
                                         {1, 1e200, ""}});
  CHECK(count(drawPlot(plot), "<title>") == 2);
  plot.y.least = 0.5;
  CHECK(count(drawPlot(plot), "<title>") == 1);
  plot.series[0].kind = PlotKind::Line;
  plot.series[0].points = {{0, 1, ""}, {1, 0, ""}, {2, 1, ""}, {3, 1, ""}};
  CHECK(count(drawPlot(plot), "M") == 3); // two parts, and the legend
}

TEST_CASE("one point, equal points and no points are plots too") {
  for (double value : {0.0, 1.0, -3.0, 1e-12, 1e12}) {
    std::string svg = drawPlot(makePlot(PlotKind::Marks, {{value, value, ""}, {value, value, ""}}));
    CHECK(count(svg, "<title>") == 2);
    CHECK_FALSE(has(svg, "nan"));
    CHECK_FALSE(has(svg, "inf"));
  }
  CHECK(has(drawPlot(makePlot(PlotKind::Line, {})), "nothing to plot yet"));
}
