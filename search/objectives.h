// What a search wants: quality alone, or quality against what a cell costs. What one gets wrong:
// inside a search every objective is a cost, so that less is always better; a failed trial costs
// infinitely much.
#pragma once

#include "search/trial.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// What is measured of a trial.
enum class Measure : uint8_t { Quality, Params, Flops, StepSeconds };

struct Objective {
  Measure measure = Measure::Quality;
  bool isMaximized = true;

  bool operator==(const Objective &) const = default;
};

/// `quality`, `params`, `flops`, `step_seconds`; and back, throwing Error that lists them.
std::string_view measureName(Measure measure);
Measure parseMeasure(std::string_view name);

/// One cost per objective; less is better.
using Costs = std::vector<double>;

/// The costs of a trial that ended.
Costs costsOf(const TrialResult &result, std::span<const Objective> objectives);

/// True if `first` is nowhere worse than `second` and somewhere better.
bool dominates(const Costs &first, const Costs &second);

/// The indices of those that nothing dominates, in their order.
std::vector<size_t> paretoFront(std::span<const Costs> costs);

/// All indices from the best to the worst: by front after front, inside a front those first that
/// have most room around them (Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic
/// Algorithm: NSGA-II"), then in their order. With one objective that is sorting by it.
std::vector<size_t> orderByCosts(std::span<const Costs> costs);

} // namespace cellwright
