// See clipping.h.
#include "training/clipping.h"

#include "training/vectorized.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace cellwright {

/// Sum of squares in 16 interleaved parts, so that the order of summation does not depend on the
/// vector width. Squares of floats do not overflow a double.
CELLWRIGHT_VECTORIZED static double sumSquares(const float *values, int64_t count) {
  constexpr int kParts = 16;
  double parts[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= count; i += kParts)
    for (int part = 0; part < kParts; ++part)
      parts[part] += static_cast<double>(values[i + part]) * static_cast<double>(values[i + part]);
  for (; i < count; ++i)
    parts[i % kParts] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double sum = 0;
  for (double part : parts)
    sum += part;
  return sum;
}

double globalNorm(std::span<const float> gradients, ThreadPool &threads) {
  // Blocks are summed by whoever has time and added in their order.
  constexpr int64_t kBlock = 1 << 16;
  int64_t count = static_cast<int64_t>(gradients.size());
  std::vector<double> sums((count + kBlock - 1) / kBlock);
  auto sumBlocks = [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      sums[block] =
          sumSquares(gradients.data() + block * kBlock, std::min(kBlock, count - block * kBlock));
  };
  if (sums.size() <= 2)
    sumBlocks(0, static_cast<int64_t>(sums.size()));
  else
    threads.run([&](int thread) {
      auto [begin, end] = partition(static_cast<int64_t>(sums.size()), threads.size(), thread);
      sumBlocks(begin, end);
    });
  double sum = 0;
  for (double part : sums)
    sum += part;
  return std::sqrt(sum);
}

CELLWRIGHT_VECTORIZED static void clamp(float *values, int64_t count, float limit) {
  for (int64_t i = 0; i < count; ++i) {
    // Comparisons with NaN are false: it stays.
    float value = values[i] > limit ? limit : values[i];
    values[i] = value < -limit ? -limit : value;
  }
}

void clipByValue(std::span<float> gradients, double limit) {
  clamp(gradients.data(), static_cast<int64_t>(gradients.size()), static_cast<float>(limit));
}

CELLWRIGHT_VECTORIZED static void scale(float *values, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    values[i] *= factor;
}

void clipByNorm(std::span<float> gradients, double norm, double limit) {
  if (norm > limit)
    scale(gradients.data(), static_cast<int64_t>(gradients.size()),
          static_cast<float>(limit / norm));
}

bool areFinite(std::span<const float> values) {
  // Zero times what is not finite is NaN, and NaN stays in a sum.
  double sum = 0;
  for (float value : values)
    sum += 0.0 * static_cast<double>(value);
  return sum == 0;
}

} // namespace cellwright
