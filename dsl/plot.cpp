// See plot.h.
#include "dsl/plot.h"

#include "dsl/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <utility>

namespace cellwright {

namespace {

constexpr double kWidth = 760, kHeight = 340, kLeft = 70, kRight = 20, kTop = 30, kBottom = 52;

/// A number for a place in the picture.
std::string at(double place) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", place);
  return text;
}

/// `name="12.0"`, with a blank before it.
std::string place(const char *name, double value) {
  return std::string(" ") + name + "=\"" + at(value) + "\"";
}

/// A number beside a tick: 0.25, 20k, 1.5M.
std::string tickText(double value) {
  constexpr std::pair<double, const char *> kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  const char *unit = "";
  for (auto [factor, name] : kUnits)
    if (std::abs(value) >= 10 * factor && std::abs(value) < 1e12 && *unit == '\0') {
      value /= factor;
      unit = name;
    }
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::string(text) + unit;
}

/// An axis with its ends, and where they are in the picture.
struct Scale {
  double least, most;
  double begin, end;
  bool isLogarithmic;

  bool has(double value) const { return value >= least && value <= most; } // no NaN
  double placeOf(double value) const {
    double part = isLogarithmic ? std::log(value / least) / std::log(most / least)
                                : (value - least) / (most - least);
    return begin + part * (end - begin);
  }
};

/// True for numbers whose differences and ratios are finite.
bool isUsable(const PlotAxis &axis, double value) {
  constexpr double kMost = 1e150;
  return std::abs(value) <= kMost && (!axis.isLogarithmic || value >= 1 / kMost);
}

/// A little wider than its numbers; nothing if there are none.
std::optional<Scale> makeScale(const PlotAxis &axis, const Plot &plot, double PlotPoint::*of,
                               double begin, double end) {
  constexpr double kMargin = 0.04;
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (const PlotSeries &series : plot.series)
    for (const PlotPoint &point : series.points)
      if (isUsable(axis, point.*of)) {
        least = std::min(least, point.*of);
        most = std::max(most, point.*of);
      }
  least = axis.least.value_or(least);
  most = axis.most.value_or(most);
  if (!(least <= most))
    return std::nullopt;
  if (axis.isLogarithmic) {
    double factor = least == most ? 1.5 : std::pow(most / least, kMargin);
    return Scale{least / factor, most * factor, begin, end, true};
  }
  double margin = kMargin * (most - least);
  // Also where all numbers are the same but for rounding.
  margin = std::max(margin, 1e-9 * std::max(std::abs(least), std::abs(most)));
  if (margin == 0)
    margin = 1;
  return Scale{least - margin, most + margin, begin, end, false};
}

/// Round numbers on an axis, about six.
std::vector<double> findTicks(const Scale &scale) {
  constexpr double kTicks = 6;
  std::vector<double> ticks;
  if (scale.isLogarithmic) {
    bool hasParts = scale.most / scale.least < 200; // of a power of ten
    double decades = std::ceil(std::log10(scale.most / scale.least) / kTicks);
    for (double power = std::floor(std::log10(scale.least)); power <= std::log10(scale.most);
         power += std::max(decades, 1.0))
      for (double part : {1.0, 2.0, 5.0})
        if (double tick = part * std::pow(10, power); scale.has(tick) && (part == 1 || hasParts))
          ticks.push_back(tick);
    return ticks;
  }
  double width = (scale.most - scale.least) / kTicks;
  double step = std::pow(10, std::floor(std::log10(width)));
  for (double part : {2.0, 2.5, 2.0}) // 1, 2, 5, 10
    if (step < width)
      step *= part;
  for (double count = std::ceil(scale.least / step); count * step <= scale.most; ++count)
    ticks.push_back(count * step + 0.0); // no -0
  return ticks;
}

class PlotWriter {
public:
  explicit PlotWriter(const Plot &plot) : plot(plot) {}

  std::string write() {
    auto xScale = makeScale(plot.x, plot, &PlotPoint::x, kLeft, kWidth - kRight);
    auto yScale = makeScale(plot.y, plot, &PlotPoint::y, kHeight - kBottom, kTop);
    if (!xScale || !yScale)
      return "<p class=\"note\">nothing to plot yet: " + escapeMarkup(plot.name) + "</p>\n";
    x = *xScale;
    y = *yScale;
    out = "<svg class=\"plot\" viewBox=\"0 0 " + at(kWidth) + " " + at(kHeight) +
          "\" role=\"img\" aria-label=\"" + escapeMarkup(plot.name) + "\">\n";
    drawAxes();
    for (const PlotSeries &series : plot.series)
      drawSeries(series);
    drawLegend();
    return out + "</svg>\n";
  }

private:
  const Plot &plot;
  Scale x{}, y{};
  std::string out;

  void drawText(double textX, double textY, const char *anchor, const std::string &text) {
    out += "<text" + place("x", textX) + place("y", textY) + " text-anchor=\"" + anchor + "\">" +
           escapeMarkup(text) + "</text>\n";
  }

  void drawLine(const char *style, double x1, double y1, double x2, double y2) {
    out += std::string("<line class=\"") + style + "\"" + place("x1", x1) + place("y1", y1) +
           place("x2", x2) + place("y2", y2) + "/>\n";
  }

  void drawAxes() {
    for (double tick : findTicks(x)) {
      drawLine("grid", x.placeOf(tick), y.begin, x.placeOf(tick), y.end);
      drawText(x.placeOf(tick), y.begin + 16, "middle", tickText(tick));
    }
    for (double tick : findTicks(y)) {
      drawLine("grid", x.begin, y.placeOf(tick), x.end, y.placeOf(tick));
      drawText(x.begin - 6, y.placeOf(tick) + 4, "end", tickText(tick));
    }
    drawLine("frame", x.begin, y.begin, x.end, y.begin);
    drawLine("frame", x.begin, y.begin, x.begin, y.end);
    drawText((x.begin + x.end) / 2, kHeight - 14, "middle", plot.x.label);
    out += "<text text-anchor=\"middle\" transform=\"translate(16 " + at((y.begin + y.end) / 2) +
           ") rotate(-90)\">" + escapeMarkup(plot.y.label) + "</text>\n";
  }

  static bool isCloud(const PlotSeries &series) { return series.kind == PlotKind::Cloud; }

  void drawPath(const PlotSeries &series, const std::string &path) {
    constexpr size_t kFew = 300; // dots that may be large
    std::string kind = !isCloud(series)              ? ""
                       : series.points.size() < kFew ? "cloud few "
                                                     : "cloud ";
    out += "<path class=\"" + kind + series.style + "\" d=\"" + path + "\"/>\n";
  }

  void drawSeries(const PlotSeries &series) {
    if (series.kind == PlotKind::Marks)
      return drawMarks(series);
    std::string path = isCloud(series) ? cloud(series) : lines(series);
    if (!path.empty())
      drawPath(series, path);
  }

  bool isOnAxes(const PlotPoint &point) const { return x.has(point.x) && y.has(point.y); }

  void drawMarks(const PlotSeries &series) {
    for (const PlotPoint &point : series.points)
      if (isOnAxes(point))
        out += "<circle class=\"" + series.style + "\"" + place("cx", x.placeOf(point.x)) +
               place("cy", y.placeOf(point.y)) + " r=\"4\"><title>" + escapeMarkup(point.title) +
               "</title></circle>\n";
  }

  std::string cloud(const PlotSeries &series) const {
    constexpr double kRaster = 2; // nearer dots look like one
    std::set<std::pair<int64_t, int64_t>> taken;
    for (const PlotPoint &point : series.points)
      if (isOnAxes(point))
        taken.emplace(std::llround(x.placeOf(point.x) / kRaster),
                      std::llround(y.placeOf(point.y) / kRaster));
    std::string path;
    for (auto [column, row] : taken)
      path += "M" + std::to_string(column * static_cast<int64_t>(kRaster)) + " " +
              std::to_string(row * static_cast<int64_t>(kRaster)) + "h0";
    return path;
  }

  /// Broken where points are beyond the axes.
  std::string lines(const PlotSeries &series) const {
    std::string path;
    bool isOn = false;
    for (const PlotPoint &point : series.points) {
      if (!isOnAxes(point)) {
        isOn = false;
        continue;
      }
      std::string right = at(x.placeOf(point.x)), down = at(y.placeOf(point.y));
      if (!isOn)
        path += "M" + right + " " + down;
      else if (series.kind == PlotKind::Steps)
        path += "H" + right + "V" + down;
      else
        path += "L" + right + " " + down;
      isOn = true;
    }
    return path;
  }

  void drawLegend() {
    constexpr double kLetterWidth = 6.5, kGap = 34;
    double left = kLeft;
    for (const PlotSeries &series : plot.series) {
      if (series.label.empty() || series.points.empty())
        continue;
      if (series.kind == PlotKind::Marks)
        out += "<circle class=\"" + series.style + "\"" + place("cx", left + 6) +
               place("cy", kTop / 2) + " r=\"4\"/>\n";
      else
        drawPath(series, "M" + at(left + (isCloud(series) ? 6 : 0)) + " " + at(kTop / 2) +
                             (isCloud(series) ? "h0" : "h12"));
      drawText(left + 18, kTop / 2 + 4, "start", series.label);
      left += kGap + kLetterWidth * static_cast<double>(series.label.size());
    }
  }
};

} // namespace

std::string drawPlot(const Plot &plot) { return PlotWriter(plot).write(); }

} // namespace cellwright
