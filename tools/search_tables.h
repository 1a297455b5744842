// How a search stands, for people: what a terminal shows while it runs, and `search status` prints.
#pragma once

#include "search/status.h"

#include <string>

namespace cellwright {

/// A line with the counts, and why candidates were refused and trials failed, if any.
std::string countsText(const StudyCounts &counts);

/// The best trials and the running ones as tables, below their counts.
std::string statusText(const SearchStatus &status);
/// The same as an object, with the cells and the values of running trials.
std::string statusJson(const SearchStatus &status);

} // namespace cellwright
