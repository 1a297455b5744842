// See statistics.h.
#include "search/statistics.h"

#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

namespace cellwright {

double meanOf(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviationOf(std::span<const double> values) {
  if (values.size() < 2)
    return 0;
  double mean = meanOf(values), sum = 0;
  for (double value : values)
    sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double pairedPermutationTest(std::span<const double> a, std::span<const double> b) {
  assert(a.size() == b.size() && std::ssize(a) <= kMostPairs);
  std::vector<double> differences;
  double found = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    differences.push_back(a[i] - b[i]);
    found += differences.back();
    scale += std::abs(differences.back());
  }
  // Sums that are equal but for rounding are as large.
  double least = std::abs(found) - 1e-12 * scale;
  uint64_t all = uint64_t{1} << differences.size(), atLeast = 0;
  for (uint64_t signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i)
      sum += signs >> i & 1 ? -differences[i] : differences[i];
    atLeast += std::abs(sum) >= least;
  }
  return static_cast<double>(atLeast) / static_cast<double>(all);
}

} // namespace cellwright
