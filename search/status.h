// How a search stands: what a live table shows while it runs.
#pragma once

#include "search/store.h"
#include "search/study.h"

#include <vector>

namespace cellwright {

struct SearchStatus {
  StudyConfig config;
  StudyCounts counts;
  std::vector<StoredTrial> best;    // on the study's task, the best first
  std::vector<StoredTrial> running; // by number
};

/// Reads as many of the best trials as `top` says. Costs the same however many trials there are.
SearchStatus readStatus(const Store &store, int64_t top);

} // namespace cellwright
