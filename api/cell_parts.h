// The inside of a LoadedCell.
#pragma once

#include "cellwright/detail/cell_record.h"
#include "cellwright/load.h"
#include "dsl/frontend.h"

#include <string>
#include <vector>

namespace cellwright {

struct CellParts {
  Frontend frontend; // owns what the cell refers to
  CheckedCell checked;
  std::string text; // stands alone
  detail::CellRecord record;
  std::vector<std::string_view> texts;
  std::vector<SizeStep> steps;
  std::vector<ValueInfo> values;
  CellInfo info;
};

/// The settings as the front end takes them.
Settings toSettings(const LoadSettings &settings);

/// Throws Error with all problems, if there are errors among them.
void throwErrors(const Diagnostics &problems, const Sources &sources);

} // namespace cellwright
