// The page of a benchmark: no script, no file beside it. Rooflines are SVG: flops per byte of
// weights on one axis, flops per second on the other, both logarithmic; the roofs are what the
// machine gave in the same run.
#include "bench/report.h"

#include "dsl/html.h"
#include "fmt/format.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace cellwright {

namespace {

constexpr double kWidth = 760, kHeight = 360, kLeft = 64, kBottom = 48, kTop = 16, kRight = 120;

/// A logarithmic axis: places of numbers between two powers of ten.
struct Axis {
  double low, high, begin, end;

  double at(double value) const {
    double part = (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low));
    return begin + part * (end - begin);
  }
};

Axis axisFor(double least, double most, double begin, double end) {
  return {std::pow(10, std::floor(std::log10(least))), std::pow(10, std::ceil(std::log10(most))),
          begin, end};
}

std::string ticks(const Axis &axis, bool isHorizontal) {
  std::string svg;
  for (double value = axis.low; value <= axis.high * 1.001; value *= 10) {
    double place = axis.at(value);
    std::string label = value >= 1 ? fmt::format("{:.0f}", value) : fmt::format("{:g}", value);
    if (isHorizontal)
      svg += fmt::format("<line class='grid' x1='{0:.1f}' y1='{1}' x2='{0:.1f}' y2='{2}'/>"
                         "<text x='{0:.1f}' y='{3}' text-anchor='middle'>{4}</text>\n",
                         place, kTop, kHeight - kBottom, kHeight - kBottom + 16, label);
    else
      svg += fmt::format("<line class='grid' x1='{0}' y1='{1:.1f}' x2='{2}' y2='{1:.1f}'/>"
                         "<text x='{3}' y='{4:.1f}' text-anchor='end'>{5}</text>\n",
                         kLeft, place, kWidth - kRight, kLeft - 6, place + 4, label);
  }
  return svg;
}

/// Flops per byte of weights in a forward step.
double intensityOf(const BenchRow &row) {
  double flopsPerStep = row.flops / static_cast<double>(row.T);
  return row.weightBytes > 0 ? flopsPerStep / row.weightBytes : 0;
}

/// The rows of a suite that have so many threads.
std::string roofline(const BenchReport &report, const std::vector<BenchRow> &all, int threads) {
  const Machine &machine = report.machine;
  bool isAll = threads > 1;
  std::vector<BenchRow> rows;
  std::copy_if(all.begin(), all.end(), std::back_inserter(rows),
               [&](const BenchRow &row) { return row.threads == threads; });
  bool isDouble = rows.front().isDouble;
  double peak = machine.peak(isDouble, isAll) / 1e9;
  double least = 1e9, most = 1;
  for (const BenchRow &row : rows)
    if (double intensity = intensityOf(row); intensity > 0) {
      least = std::min(least, intensity);
      most = std::max(most, intensity);
    }
  if (least > most)
    return "";
  // So wide that the knees of all roofs are seen.
  auto bandwidthOf = [&](const MemoryLevel &level) {
    return (isAll ? level.bandwidthOfAll : level.bandwidth) / 1e9;
  };
  for (const MemoryLevel &level : machine.levels) {
    least = std::min(least, peak / bandwidthOf(level));
    most = std::max(most, peak / bandwidthOf(level));
  }
  Axis x = axisFor(least / 2, most * 2, kLeft, kWidth - kRight);
  Axis y = axisFor(std::min(1.0, peak / 100), peak, kHeight - kBottom, kTop);
  std::string svg =
      fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='roofline'>\n", kWidth, kHeight);
  svg += ticks(x, true) + ticks(y, false);
  for (const MemoryLevel &level : machine.levels) {
    double bandwidth = bandwidthOf(level);
    double begin = std::max(x.low, y.low / bandwidth), knee = peak / bandwidth;
    svg += fmt::format("<polyline class='roof' points='{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}'>"
                       "<title>{} {:.0f} GB/s</title></polyline>\n",
                       x.at(begin), y.at(begin * bandwidth), x.at(knee), y.at(peak), x.at(x.high),
                       y.at(peak), level.name, bandwidth);
    svg += fmt::format("<text class='level' x='{:.1f}' y='{:.1f}'>{}</text>\n", x.at(begin) + 10,
                       y.at(begin * bandwidth) + 3, level.name);
  }
  svg += fmt::format("<text x='{}' y='{:.1f}'>peak {:.0f} GF/s</text>\n", kWidth - kRight + 6,
                     y.at(peak) + 4, peak);
  for (const BenchRow &row : rows) {
    double intensity = intensityOf(row);
    double speed = figuresOf(row).flopsPerSecond / 1e9;
    if (intensity <= 0 || speed < y.low)
      continue;
    svg += fmt::format("<circle class='{}' cx='{:.1f}' cy='{:.1f}' r='4'><title>{} H {} N {} T {}, "
                       "{}: {:.1f} GF/s</title></circle>\n",
                       row.pass == nameOf(Pass::Both) ? "both" : "forward", x.at(intensity),
                       y.at(speed), escapeMarkup(row.cell), row.H, row.N, row.T, row.pass, speed);
  }
  svg +=
      fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>flops per byte of weights that a "
                  "step reads</text>\n<text x='16' y='{:.1f}' text-anchor='middle' "
                  "transform='rotate(-90 16 {:.1f})'>GF/s</text>\n</svg>\n",
                  (kLeft + kWidth - kRight) / 2, kHeight - 10, (kTop + kHeight - kBottom) / 2,
                  (kTop + kHeight - kBottom) / 2);
  return svg +
         fmt::format("<p class='legend'>{} thread{}: <span class='forward'>forward</span> <span "
                     "class='both'>forward + backward</span>; roofs: peak, and weights read from "
                     "each level</p>\n",
                     threads, threads == 1 ? "" : "s");
}

std::string rateText(const RowFigures &figures) {
  if (figures.symbolsPerSecond > 0)
    return fmt::format("{:.0f} characters/s", figures.symbolsPerSecond);
  return figures.flopsPerSecond > 0 ? fmt::format("{:.1f}", figures.flopsPerSecond / 1e9) : "";
}

std::string tableOf(const std::vector<BenchRow> &rows) {
  auto percent = [](double value) { return value > 0 ? fmt::format("{:.1f} %", value) : ""; };
  std::string html =
      "<table><tr><th>cell<th>by<th>pass<th>I<th>H<th>N<th>T<th>threads<th>median ms<th>least ms"
      "<th>spread<th>GF/s<th>of peak<th>bound ms<th>bound by<th>of bound<th>useful<th>tape bytes"
      "<th>weights in<th>which path</tr>\n";
  for (const BenchRow &row : rows) {
    RowFigures figures = figuresOf(row);
    html += fmt::format("<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{:.4g}<td>{:.4g}"
                        "<td>{:.0f} %<td>{}<td>{}",
                        escapeMarkup(row.cell), escapeMarkup(row.implementation), row.pass, row.I,
                        row.H, row.N, row.T, row.threads, 1e3 * row.timing.median,
                        1e3 * row.timing.least, 100 * row.timing.spread, rateText(figures),
                        percent(figures.percentOfPeak));
    html += fmt::format(
        "<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>\n",
        row.bound > 0 ? fmt::format("{:.4g}", 1e3 * row.bound) : "", row.limit,
        percent(figures.percentOfBound),
        figures.timesUseful > 0 ? fmt::format("{:.2f}", figures.timesUseful) : "",
        row.tapeBytes > 0 ? fmt::format("{}", row.tapeBytes) : "",
        row.level.empty() ? ""
                          : fmt::format("{} at {:.0f} GB/s", row.level, row.weightBandwidth / 1e9),
        escapeMarkup(row.path));
  }
  html += "</table>\n";
  for (const std::string &note : slowNotes(rows))
    html += fmt::format("<p class='slow'>slow: {}</p>\n", escapeMarkup(note));
  return html;
}

constexpr std::string_view kStyle = R"(
.roof { fill: none; stroke: #8c97ab; stroke-width: 1.4 }
circle.forward { fill: #2f6fdb } circle.both { fill: #d9622b }
.legend span { padding-left: 1rem; position: relative }
.legend span::before { content: ''; position: absolute; left: 0; top: .4em; width: .7em; height: .7em; border-radius: 50% }
.legend .forward::before { background: #2f6fdb } .legend .both::before { background: #d9622b }
td:nth-child(-n+3), th:nth-child(-n+3), td:last-child, th:last-child { text-align: left }
.slow { color: #8a3a12; margin: .3rem 0 }
)";

} // namespace

std::string toHtml(const BenchReport &report) {
  std::string title = "cellwright bench " + report.date;
  std::string html =
      fmt::format("<h1>cellwright bench, {}</h1>\n<pre>{}\n{}</pre>\n", report.date,
                  escapeMarkup(machineText(report.machine)), escapeMarkup(countingNote()));
  for (size_t begin = 0; begin < report.rows.size();) {
    size_t end = begin;
    while (end < report.rows.size() && report.rows[end].suite == report.rows[begin].suite)
      ++end;
    std::vector<BenchRow> rows(report.rows.begin() + static_cast<int64_t>(begin),
                               report.rows.begin() + static_cast<int64_t>(end));
    const std::string &suite = rows.front().suite;
    html += fmt::format("<h2>{}</h2>\n", suite.empty() ? "cells" : suite);
    std::set<int> threads;
    for (const BenchRow &row : rows)
      threads.insert(row.threads);
    for (int count : threads)
      html += roofline(report, rows, count);
    html += tableOf(rows);
    begin = end;
  }
  return htmlPage(title, kStyle, html);
}

} // namespace cellwright
