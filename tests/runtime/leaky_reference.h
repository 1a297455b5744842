// What the leaky cell of leaky_kernel.h computes, sequence by sequence: the plain version of what a
// layer does with batches, panels, blocks and threads. Tensors are row-major, in the caller's
// order.
#pragma once

#include "leaky_kernel.h"
#include "runtime/series.h"

#include <cstdint>
#include <vector>

namespace cellwright::test {

using Numbers = std::vector<double>;

constexpr Format kLeakyFormat = {CELLWRIGHT_F64, kLeakyWidth};

struct LeakyCase {
  int64_t T = 1, N = 1;
  Numbers x, v, h0, a;          // [T,N,5], [N,5], [N,5], [5]
  std::vector<int64_t> lengths; // empty: all T
  std::vector<uint8_t> resets;  // [T,N], empty: none
  Numbers dy, direct, dfinal;   // [T,N,5], [T,N,5], [N,5]
};

struct LeakyResult {
  Numbers y, h, final;     // [T,N,5], [T,N,5], [N,5]
  Numbers dx, dv, dh0, da; // like x, v, h0, a
};

/// Random numbers for a case; with lengths, some of them 0, and resets if asked for.
LeakyCase makeLeakyCase(int64_t T, int64_t N, bool hasLengths, bool hasResets, uint64_t seed);

LeakyResult leakyReference(const LeakyCase &given);

/// The largest difference of two elements at the same place; fails the test if the sizes differ.
double distance(const Numbers &a, const Numbers &b);

} // namespace cellwright::test
