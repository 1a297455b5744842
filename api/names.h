// Inputs, states and parameters of a kernel by their names.
#pragma once

#include "dsl/suggest.h"
#include "runtime/error.h"

#include <string>
#include <string_view>

namespace cellwright {

/// The number of the row of a kernel's table that has this name. Throws Error that lists the names.
template <class Row>
int findNamed(std::string_view cell, std::string_view kind, std::string_view name, const Row *rows,
              int count) {
  SuggestionBudget budget;
  Suggestion suggestion(name, budget);
  std::string names;
  for (int i = 0; i < count; ++i) {
    if (rows[i].name == name)
      return i;
    suggestion.consider(rows[i].name);
    names += (i == 0 ? "; it has " : ", ") + std::string(rows[i].name);
  }
  throw Error(fmt::format("cell `{}` has no {} `{}`{}{}", cell, kind, name,
                          suggestion.text().view(), names));
}

} // namespace cellwright
