// Where a cell comes from: the cells that it was made of, theirs, and so on to those that were
// drawn, and what each edit changed.
#pragma once

#include "search/leaderboard.h"

#include <string>
#include <vector>

namespace cellwright {

struct FamilyMember {
  int64_t trial = 0;            // the first of its cell, as in RankedCell
  std::vector<int64_t> parents; // so called too; none if it was drawn
  std::string edit;             // in words; empty if it was drawn
  std::string difference;       // to its first parent: lines with `-` and lines with `+`
};

struct Family {
  std::vector<FamilyMember> members; // by trial, the cell itself last
  int64_t left = 0;                  // ancestors that are not among them
};

/// The family of a trial's cell: itself and its nearest ancestors, `most` in all. Throws Error if
/// a trial that it names is not in the store.
Family readFamily(const Store &store, const CellGroups &groups, int64_t trial, size_t most);

} // namespace cellwright
