// See objectives.h.
#include "search/objectives.h"

#include "training/named_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace cellwright {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct MeasureRow {
  std::string_view name;
  Measure measure;
  double (*of)(const TrialResult &result);
};

constexpr MeasureRow kMeasures[] = {
    {"quality", Measure::Quality, [](const TrialResult &result) { return result.quality; }},
    {"params", Measure::Params,
     [](const TrialResult &result) { return static_cast<double>(result.parameters); }},
    {"flops", Measure::Flops, [](const TrialResult &result) { return result.flopsPerStep; }},
    {"step_seconds", Measure::StepSeconds,
     [](const TrialResult &result) { return result.stepSeconds; }},
};

const MeasureRow &rowOf(Measure measure) { return kMeasures[static_cast<size_t>(measure)]; }

} // namespace

std::string_view measureName(Measure measure) { return rowOf(measure).name; }

Measure parseMeasure(std::string_view name) {
  return findNamed(kMeasures, name, "objective").measure;
}

Costs costsOf(const TrialResult &result, std::span<const Objective> objectives) {
  Costs costs;
  for (const Objective &objective : objectives) {
    double value = rowOf(objective.measure).of(result);
    bool isUsable = result.hasQuality() && !std::isnan(value);
    costs.push_back(!isUsable ? kInfinity : objective.isMaximized ? -value : value);
  }
  return costs;
}

bool dominates(const Costs &first, const Costs &second) {
  bool isBetter = false;
  for (size_t i = 0; i < first.size(); ++i) {
    if (first[i] > second[i])
      return false;
    isBetter |= first[i] < second[i];
  }
  return isBetter;
}

/// Indices sorted by the first cost, then the second and so on, then by themselves: nobody is
/// dominated by one that comes later.
static std::vector<size_t> sortByCosts(std::span<const Costs> costs) {
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return costs[a] < costs[b]; });
  return order;
}

/// The fronts: nothing dominates the first, nothing but the first the second, and so on. Each
/// stands in the first front that has nobody who dominates it, which a search by halves finds
/// (Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting").
static std::vector<std::vector<size_t>> sortIntoFronts(std::span<const Costs> costs) {
  std::vector<std::vector<size_t>> fronts;
  for (size_t i : sortByCosts(costs)) {
    auto isAbove = [&](const std::vector<size_t> &front) {
      return std::any_of(front.rbegin(), front.rend(),
                         [&](size_t other) { return dominates(costs[other], costs[i]); });
    };
    auto place = std::partition_point(fronts.begin(), fronts.end(), isAbove);
    if (place == fronts.end())
      place = fronts.emplace(fronts.end());
    place->push_back(i);
  }
  return fronts;
}

/// For each of a front, in all objectives together, how far its neighbours are apart as a share of
/// the front; infinite at the ends.
static std::vector<double> measureRoom(std::span<const Costs> costs,
                                       const std::vector<size_t> &front) {
  std::vector<double> room(front.size(), 0);
  std::vector<size_t> order(front.size());
  for (size_t objective = 0; objective < costs[front[0]].size(); ++objective) {
    auto cost = [&](size_t place) { return costs[front[place]][objective]; };
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return cost(a) < cost(b); });
    double width = cost(order.back()) - cost(order.front());
    room[order.front()] = room[order.back()] = kInfinity;
    for (size_t i = 1; i + 1 < order.size() && width > 0 && width < kInfinity; ++i)
      room[order[i]] += (cost(order[i + 1]) - cost(order[i - 1])) / width;
  }
  return room;
}

std::vector<size_t> paretoFront(std::span<const Costs> costs) {
  if (costs.empty())
    return {};
  std::vector<size_t> front = sortIntoFronts(costs).front();
  std::sort(front.begin(), front.end());
  return front;
}

std::vector<size_t> orderByCosts(std::span<const Costs> costs) {
  if (costs.empty() || costs[0].size() == 1)
    return sortByCosts(costs);
  std::vector<size_t> order;
  for (std::vector<size_t> &front : sortIntoFronts(costs)) {
    std::sort(front.begin(), front.end());
    std::vector<double> room = measureRoom(costs, front);
    std::vector<size_t> places(front.size());
    std::iota(places.begin(), places.end(), size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](size_t a, size_t b) { return room[a] > room[b]; });
    for (size_t place : places)
      order.push_back(front[place]);
  }
  return order;
}

} // namespace cellwright
