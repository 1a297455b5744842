// Tables whose rows have a `name`: optimizers, schedules, presets.
#pragma once

#include "runtime/error.h"

#include <string_view>
#include <vector>

namespace cellwright {

/// The names of a table's rows, in its order.
template <typename Rows> std::vector<std::string_view> namesOf(const Rows &rows) {
  std::vector<std::string_view> names;
  for (const auto &row : rows)
    names.push_back(row.name);
  return names;
}

/// The row of this name. Throws Error that lists the names if there is none; `what` is what a row
/// is.
template <typename Rows>
const auto &findNamed(const Rows &rows, std::string_view name, std::string_view what) {
  for (const auto &row : rows)
    if (row.name == name)
      return row;
  throw Error(
      fmt::format("unknown {} `{}`; there are {}", what, name, fmt::join(namesOf(rows), ", ")));
}

} // namespace cellwright
