// Inputs, states and parameters by their names, and what to say of a name that is wrong.
#pragma once

#include "cellwright/cell_info.h"
#include "dsl/suggest.h"

#include <span>
#include <string_view>

namespace cellwright::detail {

/// The number of the value of this name, or how many values there are. No pointer: with
/// -fsanitize=undefined g++ takes no comparison with null for a constant (GCC bug 71962).
constexpr size_t findValue(std::span<const ValueInfo> values, std::string_view name) {
  size_t at = 0;
  while (at < values.size() && values[at].name != name)
    ++at;
  return at;
}

/// Why a cell has nothing of this name.
constexpr Text describeUnknown(const CellInfo &info, std::string_view kind, std::string_view name,
                               std::span<const ValueInfo> values) {
  SuggestionBudget budget;
  Suggestion suggestion(name, budget);
  for (const ValueInfo &value : values)
    suggestion.consider(value.name);
  Text text = makeText("cell `", info.name, "` has no ", kind, " `", name, "`", suggestion.text());
  for (size_t i = 0; i < values.size(); ++i)
    text += makeText(i == 0 ? "; it has " : ", ", values[i].name);
  return text;
}

} // namespace cellwright::detail
