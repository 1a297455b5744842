// Means, deviations and the permutation test on numbers that are worked out by hand.
#include "search/statistics.h"

#include <doctest/doctest.h>

#include <vector>

namespace cellwright {

TEST_CASE("mean and deviation of a sample") {
  std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  CHECK(meanOf(values) == 5);
  CHECK(deviationOf(values) == doctest::Approx(2.138089935299395));
  CHECK(deviationOf(std::vector<double>{3}) == 0);
}

TEST_CASE("p is the part of all signs with a difference as large") {
  using Values = std::vector<double>;
  auto p = [](const Values &a, const Values &b) { return pairedPermutationTest(a, b); };
  CHECK(p({1, 2, 3}, {1, 2, 3}) == 1);
  // All five differ in the same way: 2 of 32 signs.
  CHECK(p({1, 2, 3, 4, 5}, {0, 1, 2, 3, 4}) == 2.0 / 32);
  CHECK(p({0, 1, 2, 3, 4}, {1, 2, 3, 4, 5}) == 2.0 / 32);
  // Differences 3, 2, -1 have sum 4; of the eight sums +-6, +-4, +-2, 0, 0 four are as large.
  CHECK(p({3, 2, 0}, {0, 0, 1}) == 0.5);
  // Darwin's maize, 15 pairs in eighths of an inch: 863 * 2 of 32768 (Fisher 1935, "The design of
  // experiments", section 21).
  CHECK(p({188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96},
          {139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144}) ==
        1726.0 / 32768);
}

} // namespace cellwright
