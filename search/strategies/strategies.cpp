// See strategies.h.
#include "search/strategies/strategies.h"

#include <limits>

namespace cellwright {

nlohmann::json costsToJson(const Costs &costs) { return costs; }

Costs costsFromJson(const nlohmann::json &list) {
  Costs costs;
  for (const nlohmann::json &cost : list)
    costs.push_back(cost.is_null() ? std::numeric_limits<double>::infinity() : cost.get<double>());
  return costs;
}

} // namespace cellwright
