// Inputs, states and parameters by their names, and what to say of a name that is wrong.
#pragma once

#include "cellwright/cell_info.h"
#include "dsl/suggest.h"

#include <span>
#include <string_view>

namespace cellwright::detail {

/// The value of this name, or null.
constexpr const ValueInfo *findValue(std::span<const ValueInfo> values, std::string_view name) {
  for (const ValueInfo &value : values)
    if (value.name == name)
      return &value;
  return nullptr;
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
