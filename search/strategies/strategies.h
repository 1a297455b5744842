// The rows of the table of strategies, one of each file of this folder, and what several of them
// use.
#pragma once

#include "search/read_json.h"
#include "search/strategy.h"

#include <nlohmann/json.hpp>

namespace cellwright {

StrategyInfo describeRandom();
StrategyInfo describePool();
StrategyInfo describeEvolution();
StrategyInfo describeReinforce();
StrategyInfo describeHalving();
StrategyInfo describeAsha();

/// Costs as JSON and back: what is infinite is null.
nlohmann::json costsToJson(const Costs &costs);
Costs costsFromJson(const nlohmann::json &list);

/// Runs `read` on a state; what is wrong with it becomes an Error that names the strategy.
template <typename Read>
void readState(std::string_view strategy, const std::string &text, const Read &read) {
  readJson(text, fmt::format("state of strategy `{}`", strategy), read);
}

} // namespace cellwright
