// Cases that try every pair of settings without trying every combination of all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cellwright::test {

using std::size_t;

/// Rows of choices, one per factor, such that for any two factors every pair of their levels is in
/// some row. Greedy and always the same: each row takes, factor by factor, the level that covers
/// most pairs that no row has yet.
inline std::vector<std::vector<int>> coverPairs(const std::vector<int> &levels) {
  const size_t count = levels.size();
  // isOpen[i][j][a * levels[j] + b]: factor i at a with factor j at b is in no row yet.
  std::vector<std::vector<std::vector<uint8_t>>> isOpen(count,
                                                        std::vector<std::vector<uint8_t>>(count));
  int64_t open = 0;
  for (size_t i = 0; i < count; ++i)
    for (size_t j = i + 1; j < count; ++j) {
      isOpen[i][j].assign(static_cast<size_t>(levels[i]) * levels[j], 1);
      open += int64_t{levels[i]} * levels[j];
    }
  std::vector<std::vector<int>> rows;
  while (open > 0) {
    std::vector<int> row;
    for (size_t j = 0; j < count; ++j) {
      int best = 0, bestGain = -1;
      for (int b = 0; b < levels[j]; ++b) {
        int gain = 0;
        for (size_t i = 0; i < j; ++i)
          gain += isOpen[i][j][static_cast<size_t>(row[i]) * levels[j] + b] * 1000;
        // Levels that still have much to meet come first.
        for (size_t k = j + 1; k < count; ++k)
          for (int c = 0; c < levels[k]; ++c)
            gain += isOpen[j][k][static_cast<size_t>(b) * levels[k] + c];
        if (gain > bestGain) {
          best = b;
          bestGain = gain;
        }
      }
      row.push_back(best);
    }
    for (size_t i = 0; i < count; ++i)
      for (size_t j = i + 1; j < count; ++j) {
        uint8_t &pair = isOpen[i][j][static_cast<size_t>(row[i]) * levels[j] + row[j]];
        open -= pair;
        pair = 0;
      }
    rows.push_back(row);
  }
  return rows;
}

} // namespace cellwright::test
