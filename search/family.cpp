// See family.h.
#include "search/family.h"

#include "search/cell_text.h"

#include <algorithm>
#include <set>

namespace cellwright {

/// The parents' first trials, each once.
static std::vector<int64_t> parentsOf(const TrialRecord &record, const CellGroups &groups) {
  std::vector<int64_t> parents;
  for (int64_t parent : record.candidate.parents) {
    int64_t first = groups.firstTrial(parent);
    if (std::find(parents.begin(), parents.end(), first) == parents.end())
      parents.push_back(first);
  }
  return parents;
}

Family readFamily(const Store &store, const CellGroups &groups, int64_t trial, size_t most) {
  Family family;
  std::vector<int64_t> open = {groups.firstTrial(trial)}; // those that come next at its end
  std::set<int64_t> seen(open.begin(), open.end());
  for (size_t i = 0; i < open.size(); ++i) {
    TrialRecord record = store.trial(open[i]).record;
    FamilyMember member{record.number, parentsOf(record, groups), "", ""};
    for (int64_t parent : member.parents)
      if (seen.insert(parent).second)
        open.push_back(parent);
    if (family.members.size() == most)
      continue;
    if (!member.parents.empty()) {
      member.edit = wordsOfEdit(record.candidate);
      std::string before = store.trial(member.parents.front()).record.candidate.cell;
      // Without the words there is an empty line before the difference.
      std::string difference = describeEdit("", before, record.candidate.cell);
      member.difference = difference.empty() ? "" : difference.substr(1);
    }
    family.members.push_back(std::move(member));
  }
  family.left = static_cast<int64_t>(open.size() - family.members.size());
  std::sort(family.members.begin(), family.members.end(),
            [](const FamilyMember &a, const FamilyMember &b) { return a.trial < b.trial; });
  return family;
}

} // namespace cellwright
