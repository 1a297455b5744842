// Suggestions for misspelt names: the candidate with the fewest edits, if few enough.
#pragma once

#include "dsl/text.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace cellwright {

/// The number of insertions, deletions, substitutions and swaps of neighbours that turn one name
/// into the other; at most `limit` + 1. Names longer than 32 characters are not compared.
constexpr int editDistance(std::string_view from, std::string_view to, int limit) {
  constexpr int kMaxLength = 32;
  auto rows = static_cast<int>(from.size());
  auto columns = static_cast<int>(to.size());
  int difference = rows > columns ? rows - columns : columns - rows;
  if (rows > kMaxLength || columns > kMaxLength || difference > limit)
    return limit + 1;
  int table[3][kMaxLength + 1] = {};
  for (int j = 0; j <= columns; ++j)
    table[0][j] = j;
  for (int i = 1; i <= rows; ++i) {
    int *row = table[i % 3];
    const int *above = table[(i + 2) % 3];
    const int *twoAbove = table[(i + 1) % 3];
    row[0] = i;
    int least = i;
    for (int j = 1; j <= columns; ++j) {
      int best = above[j - 1] + (from[i - 1] != to[j - 1]);
      best = std::min({best, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        best = std::min(best, twoAbove[j - 2] + 1);
      row[j] = best;
      least = std::min(least, best);
    }
    if (least > limit)
      return limit + 1;
  }
  return table[rows % 3][columns];
}

/// True for names that differ in nothing but the case of their letters.
constexpr bool sameIgnoringCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// How much work suggestions may take in one check; files with thousands of unknown names get
/// suggestions for the first ones.
struct SuggestionBudget {
  int64_t comparisons = 500'000;
};

/// Collects candidates for one misspelt name.
class Suggestion {
public:
  constexpr Suggestion(std::string_view name, SuggestionBudget &budget)
      : name(name), budget(budget), limit(name.size() < 4   ? 1
                                          : name.size() < 7 ? 2
                                                            : 3) {
    least = limit + 1;
  }

  constexpr void consider(std::string_view candidate) {
    if (candidate.empty() || candidate == name || --budget.comparisons < 0)
      return;
    int distance = sameIgnoringCase(name, candidate)
                       ? 0
                       : editDistance(name, candidate, std::min(limit, least - 1));
    // A name of which nothing is left is no suggestion.
    if (distance < least && distance < static_cast<int>(std::max(name.size(), candidate.size()))) {
      least = distance;
      best = candidate;
    }
  }

  template <class Things, class NameOf>
  constexpr void considerAll(const Things &things, NameOf nameOf) {
    for (const auto &thing : things) {
      if (budget.comparisons < 0)
        return;
      consider(nameOf(thing));
    }
  }

  /// "; did you mean `x`?", or nothing.
  constexpr Text text() const {
    if (best.empty())
      return {};
    return makeText("; did you mean `", best, "`?");
  }
  constexpr std::string_view bestCandidate() const { return best; }

private:
  std::string_view name;
  SuggestionBudget &budget;
  int limit;
  int least = 0;
  std::string_view best;
};

} // namespace cellwright
