// What the losses share: rows in panels of one vector each, and how their losses add up. Included
// where functions are compiled for several processors (vectorized.h), so all of it is inlined.
#pragma once

#include "runtime/error.h"
#include "training/loss.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>

namespace cellwright {

/// What the loops need of a series.
struct Panels {
  float *data;
  int64_t panelStride;
  int64_t count;   // of panels
  int lastColumns; // columns of the last panel that exist
};

inline Panels panelsOf(const SeriesView &series) {
  int64_t count = series.format.panels(series.columns);
  return {static_cast<float *>(series.data), series.panelStride, count,
          static_cast<int>(series.columns - (count - 1) * series.format.width)};
}

/// One panel's columns of a row as GCC's and Clang's vector types. The plain version is a loop over
/// an array of `width` numbers; g++ 12 vectorizes it badly, which costs a factor of 3 at 4
/// columns, 4.5 at 8 and 2 at 16 (Zen 5).
template <int width> struct Lanes {
  using Floats [[gnu::vector_size(width * sizeof(float))]] = float;
  using Bits [[gnu::vector_size(width * sizeof(float))]] = uint32_t;
};

template <typename Floats> [[gnu::always_inline]] inline Floats load(const float *from) {
  Floats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

template <typename Floats>
[[gnu::always_inline]] inline void store(const Floats &values, float *to) {
  std::memcpy(to, &values, sizeof values);
}

/// e^x for x <= 0: 2^n times a polynomial on [-log(2) / 2, log(2) / 2] (coefficients of Cephes'
/// expf). Max error 2 ULP; 0 below -87.3, where the result would not be a normal number; NaN in,
/// NaN out.
template <int width>
[[gnu::always_inline]] inline typename Lanes<width>::Floats
exponential(const typename Lanes<width>::Floats &x) {
  using Floats = typename Lanes<width>::Floats;
  using Bits = typename Lanes<width>::Bits;
  constexpr float kLeast = -87.3f;
  constexpr float kLog2e = 1.44269504f, kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;
  // Adding and subtracting 1.5 * 2^23 rounds to an integer; the sum's low bits are that integer.
  constexpr float kRound = 12582912.0f;
  Floats clamped = x < kLeast ? Floats{} + kLeast : x;
  Floats shifted = clamped * kLog2e + kRound;
  Floats n = shifted - kRound;
  Floats r = (clamped - n * kLog2High) - n * kLog2Low;
  Floats sum = r * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * r + 8.3334519073e-3f;
  sum = sum * r + 4.1665795894e-2f;
  sum = sum * r + 1.6666665459e-1f;
  sum = sum * r + 5.0000001201e-1f;
  sum = sum * r * r + r + 1.0f;
  Bits power = (std::bit_cast<Bits>(shifted) + 127u) << 23;
  Floats result = sum * std::bit_cast<Floats>(power);
  return x < kLeast ? Floats{} : result;
}

/// 1 in the lanes of a last panel that are beyond its end.
template <int width>
[[gnu::always_inline]] inline typename Lanes<width>::Floats lanesBeyond(const Panels &panels) {
  typename Lanes<width>::Floats beyond = {};
  for (int lane = panels.lastColumns; lane < width; ++lane)
    beyond[lane] = 1;
  return beyond;
}

/// A row that does not count has no gradient.
template <int width> [[gnu::always_inline]] inline void clearRow(const Panels &panels, float *row) {
  for (int64_t panel = 0; panel < panels.count; ++panel)
    store(typename Lanes<width>::Floats{}, row + panel * panels.panelStride);
}

/// Calls `Loss::process<width>(range)`, a copy per width because a vector type's size is a
/// constant.
template <typename Loss, typename Rows>
[[gnu::always_inline]] inline void processAtWidth(const Rows &range, int width) {
  switch (width) {
  case 1:
    return Loss::template process<1>(range);
  case 2:
    return Loss::template process<2>(range);
  case 4:
    return Loss::template process<4>(range);
  case 8:
    return Loss::template process<8>(range);
  case 16:
    return Loss::template process<16>(range);
  default:
    return Loss::template process<32>(range);
  }
}

/// Throws unless a loss can be computed of so many rows of these outputs.
inline void checkLossRows(const SeriesView &outputs, int64_t rows, const SeriesView &adjoint,
                          std::span<const uint8_t> counts) {
  int width = outputs.format.width;
  CELLWRIGHT_CHECK(outputs.format.type == CELLWRIGHT_F32 && width > 0 && width <= 32 &&
                       std::has_single_bit(static_cast<unsigned>(width)),
                   "the loss takes F32 in panels of 1 to 32 columns, got {} in panels of {}",
                   outputs.format.type == CELLWRIGHT_F64 ? "F64" : "F32", width);
  CELLWRIGHT_CHECK(rows > 0 && outputs.columns > 0 && outputs.rows >= rows,
                   "{} targets for {} rows of {} logits", rows, outputs.rows, outputs.columns);
  CELLWRIGHT_CHECK(!adjoint.data || (adjoint.format == outputs.format &&
                                     adjoint.columns == outputs.columns && adjoint.rows >= rows),
                   "the adjoint has {} rows of {}, the logits have {} of {}", adjoint.rows,
                   adjoint.columns, rows, outputs.columns);
  CELLWRIGHT_CHECK(counts.empty() || static_cast<int64_t>(counts.size()) == rows,
                   "{} marks of rows that count, expected {}", counts.size(), rows);
}

/// Divides rows among threads, each of which fills the losses of its own with
/// `process(begin, end)`, and adds the losses up in the order of the rows.
template <typename Process>
LossResult sumLosses(int64_t rows, std::span<const uint8_t> counts, ThreadPool &threads,
                     const std::vector<double> &losses, const Process &process) {
  threads.run([&](int thread) {
    auto [begin, end] = partition(rows, threads.size(), thread);
    process(begin, end);
  });
  LossResult result;
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (!counts.empty() && !counts[row])
      continue;
    ++result.rows;
    sum += losses[row];
    if (!std::isfinite(losses[row]) && result.badRow < 0)
      result.badRow = row;
  }
  result.mean = result.rows > 0 ? sum / static_cast<double>(result.rows) : 0;
  return result;
}

} // namespace cellwright
