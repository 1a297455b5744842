// How sure a difference of a few runs is.
#pragma once

#include <cstdint>
#include <span>

namespace cellwright {

double meanOf(std::span<const double> values);
/// Standard deviation of a sample, by n - 1; 0 of fewer than two values.
double deviationOf(std::span<const double> values);

inline constexpr int64_t kMostPairs = 20; // a million sums

/// Two-sided exact p of the paired permutation test (Fisher 1935; Edgington & Onghena 2007,
/// "Randomization tests"): the part of all 2^n ways to exchange the two values of pairs whose mean
/// difference is at least as large as the one found. 1 if there is no difference; the least that n
/// pairs can give is 2^(1 - n). Precondition: both have the same number of values, at most
/// kMostPairs.
double pairedPermutationTest(std::span<const double> a, std::span<const double> b);

} // namespace cellwright
