// The best cells of a study as a `.cell` file.
#pragma once

#include "search/store.h"

#include <string>

namespace cellwright {

struct BestCells {
  std::string text; // a cell after the other, each with a comment that says what it reached
  int64_t count = 0;
};

/// The best cells of a study, at most `most`; `study` is what it is called in comments. Of several
/// each has the number of its trial behind its name. Throws Error if no trial gave a quality, or a
/// cell is none that this version takes.
BestCells writeBestCells(const Store &store, const std::string &study, int64_t most);

} // namespace cellwright
