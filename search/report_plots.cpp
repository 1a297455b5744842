// See report_plots.h.
#include "search/report_plots.h"

#include "dsl/plot.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <unordered_map>

namespace cellwright {

namespace {

bool isMaximized(const SearchReport &report) { return report.config.objectives[0].isMaximized; }

/// An axis of qualities that shows the best of them, not the few that are far worse than all
/// others.
PlotAxis qualityAxis(const SearchReport &report, std::vector<double> qualities) {
  constexpr size_t kFew = 20, kShare = 20; // one of so many may be beyond
  PlotAxis axis{"quality", false, std::nullopt, std::nullopt};
  if (qualities.size() < kFew)
    return axis;
  std::sort(qualities.begin(), qualities.end());
  size_t beyond = qualities.size() / kShare;
  double inner = qualities[isMaximized(report) ? beyond : qualities.size() - 1 - beyond];
  double best = isMaximized(report) ? qualities.back() : qualities.front();
  double worst = isMaximized(report) ? qualities.front() : qualities.back();
  bool isFar = std::abs(worst - best) > 4 * std::abs(inner - best);
  if (isFar && isMaximized(report))
    axis.least = inner;
  if (isFar && !isMaximized(report))
    axis.most = inner;
  return axis;
}

/// Says how many points an axis leaves out; empty if it has all.
std::string beyondNote(const PlotAxis &axis, const std::vector<double> &values) {
  auto count = std::count_if(values.begin(), values.end(), [&](double value) {
    return (axis.least && value < *axis.least) || (axis.most && value > *axis.most);
  });
  return count == 0 ? ""
                    : fmt::format("<p class=\"note\">{} far worse than all others {} beyond this "
                                  "plot</p>\n",
                                  count, count == 1 ? "is" : "are");
}

/// What a measure is called on an axis.
std::string_view axisName(Measure measure) {
  constexpr std::string_view kNames[] = {"quality", "parameters of the model",
                                         "flops per step, forward", "seconds per step, training"};
  return kNames[static_cast<size_t>(measure)];
}

double valueOf(const RankedCell &cell, Measure measure) {
  Objective objective{measure, false};
  return costsOf(cell.mean, {&objective, 1}).front();
}

} // namespace

//===-- Progress ------------------------------------------------------------------------------===//

/// Qualities by what `place` gives of a trial, and the best so far.
static Plot progressPlot(const SearchReport &report, const PlotAxis &x, const PlotAxis &y,
                         double (*place)(const EndedTrial &trial, double unit), double unit) {
  Plot plot{"best quality so far by " + x.label, x, y, {}};
  PlotSeries all{PlotKind::Cloud, "trials", "trials", {}};
  PlotSeries best{PlotKind::Steps, "best", "best so far", {}};
  for (const EndedTrial &trial : report.endings) {
    all.points.push_back({place(trial, unit), trial.quality, ""});
    bool isFirst = best.points.empty();
    bool isBetter = isFirst || (isMaximized(report) ? trial.quality > best.points.back().y
                                                    : trial.quality < best.points.back().y);
    if (isBetter)
      best.points.push_back({all.points.back().x, trial.quality, ""});
  }
  if (!best.points.empty())
    best.points.push_back({all.points.back().x, best.points.back().y, ""});
  plot.series = {std::move(all), std::move(best)};
  return plot;
}

std::string plotProgress(const SearchReport &report) {
  std::vector<double> qualities;
  for (const EndedTrial &trial : report.endings)
    qualities.push_back(trial.quality);
  PlotAxis y = qualityAxis(report, qualities);
  double last = report.endings.empty() ? 0 : report.endings.back().seconds;
  bool isLong = last > 2 * 3600;
  double unit = isLong ? 3600 : last > 120 ? 60 : 1;
  std::string name = isLong ? "hours" : last > 120 ? "minutes" : "seconds";
  auto byCount = [](const EndedTrial &trial, double) { return static_cast<double>(trial.ended); };
  auto byTime = [](const EndedTrial &trial, double seconds) { return trial.seconds / seconds; };
  return drawPlot(progressPlot(report, {"trials that have ended", false, {}, {}}, y, byCount, 1)) +
         drawPlot(progressPlot(report, {name + " since the first trial began", false, {}, {}}, y,
                               byTime, unit)) +
         beyondNote(y, qualities);
}

//===-- Cost ----------------------------------------------------------------------------------===//

static Plot frontPlot(const SearchReport &report, Measure measure, const PlotAxis &y) {
  constexpr double kWide = 20; // ratio from which on an axis is logarithmic
  Plot plot{fmt::format("quality against {}", axisName(measure)),
            {std::string(axisName(measure)), false, {}, {}},
            y,
            {}};
  PlotSeries all{PlotKind::Cloud, "trials", "cells", {}};
  PlotSeries line{PlotKind::Line, "front", "", {}};
  PlotSeries front{PlotKind::Marks, "front", "front", {}};
  double least = INFINITY, most = 0;
  for (const RankedCell &cell : report.cells) {
    all.points.push_back({valueOf(cell, measure), cell.mean.quality, ""});
    least = std::min(least, all.points.back().x);
    most = std::max(most, all.points.back().x);
  }
  plot.x.isLogarithmic = least > 0 && most / least > kWide;
  for (size_t i : report.front) {
    const RankedCell &cell = report.cells[i];
    front.points.push_back(
        {valueOf(cell, measure), cell.mean.quality,
         fmt::format("trial {}: quality {:.5g}, {} {:.5g}", cell.trial, cell.mean.quality,
                     axisName(measure), valueOf(cell, measure))});
  }
  std::sort(front.points.begin(), front.points.end(),
            [](const PlotPoint &a, const PlotPoint &b) { return a.x < b.x; });
  // Of more than two objectives the front is no line.
  if (report.frontOf.size() == 2)
    line.points = front.points;
  plot.series = {std::move(all), std::move(line), std::move(front)};
  return plot;
}

std::string plotFronts(const SearchReport &report) {
  std::vector<double> qualities;
  for (const RankedCell &cell : report.cells)
    qualities.push_back(cell.mean.quality);
  PlotAxis y = qualityAxis(report, qualities);
  std::string plots;
  for (const Objective &objective : report.frontOf)
    if (objective.measure != Measure::Quality)
      plots += drawPlot(frontPlot(report, objective.measure, y));
  return plots + beyondNote(y, qualities);
}

//===-- The winner ----------------------------------------------------------------------------===//

std::string plotCurve(const SearchReport &report) {
  PlotSeries curve{PlotKind::Line, "best", "", {}};
  for (const TrialValue &value : report.curve)
    curve.points.push_back({static_cast<double>(value.update), value.value, ""});
  Plot plot{"the winner's values on its way",
            {"updates", false, {}, {}},
            {"quality of a quick look", false, {}, {}},
            {std::move(curve)}};
  return drawPlot(plot);
}

std::string plotFamily(const SearchReport &report) {
  std::unordered_map<int64_t, double> qualities;
  for (const RankedCell &cell : report.cells)
    qualities.emplace(cell.trial, cell.mean.quality);
  Plot plot{"the family of the winner",
            {"trial in which a cell was first tried", false, {}, {}},
            {"quality", false, {}, {}},
            {}};
  PlotSeries members{PlotKind::Marks, "member", "ancestors", {}};
  PlotSeries winner{PlotKind::Marks, "winner", "the winner", {}};
  auto pointOf = [&](int64_t trial) {
    auto quality = qualities.find(trial);
    return PlotPoint{static_cast<double>(trial),
                     quality == qualities.end() ? std::nan("") : quality->second,
                     fmt::format("trial {}", trial)};
  };
  for (const FamilyMember &member : report.family.members) {
    bool isWinner = member.trial == report.cells.front().trial;
    (isWinner ? winner : members).points.push_back(pointOf(member.trial));
    for (int64_t parent : member.parents)
      plot.series.push_back({PlotKind::Line, "edge", "", {pointOf(parent), pointOf(member.trial)}});
  }
  plot.series.push_back(std::move(members));
  plot.series.push_back(std::move(winner));
  return drawPlot(plot);
}

} // namespace cellwright
