// See machine.h. GCC's vector extensions instead of intrinsics: one template serves every width,
// and each instance is compiled for the processors that have it.
#include "bench/machine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Keeps a value alive without using it.
template <typename T> void keep(const T &value) { asm volatile("" : : "m"(value) : "memory"); }

constexpr int64_t kTurns = 20000;
constexpr int kChains = 12; // more than latency times units of any processor known here

// Plain version: for each turn, for each of 12 vectors a: a = a * b + c. Twelve names rather than
// an array, which g++ keeps in memory; it would measure loads and stores. The empty assembly keeps
// what nobody reads.
#define CELLWRIGHT_CHAINS(each)                                                                    \
  each(0) each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) each(10) each(11)
#define CELLWRIGHT_START(i) Vector a##i = Vector{} + static_cast<Element>(i);
#define CELLWRIGHT_TURN(i)                                                                         \
  a##i = a##i * b + c;                                                                             \
  asm volatile("" : "+v"(a##i));
#define CELLWRIGHT_PEAK(name, targetName, Real, bytes)                                             \
  __attribute__((target(targetName), noinline)) void name() {                                      \
    typedef Real Element;                                                                          \
    typedef Real Vector __attribute__((vector_size(bytes)));                                       \
    CELLWRIGHT_CHAINS(CELLWRIGHT_START)                                                            \
    Vector b = Vector{} + static_cast<Real>(0.999);                                                \
    Vector c = Vector{} + static_cast<Real>(0.001);                                                \
    for (int64_t turn = 0; turn < kTurns; ++turn) {                                                \
      CELLWRIGHT_CHAINS(CELLWRIGHT_TURN)                                                           \
    }                                                                                              \
  }

CELLWRIGHT_PEAK(turnFloat64, "avx512f", float, 64)
CELLWRIGHT_PEAK(turnDouble64, "avx512f", double, 64)
CELLWRIGHT_PEAK(turnFloat32, "avx2,fma", float, 32)
CELLWRIGHT_PEAK(turnDouble32, "avx2,fma", double, 32)
CELLWRIGHT_PEAK(turnFloat16, "sse2", float, 16)
CELLWRIGHT_PEAK(turnDouble16, "sse2", double, 16)
#undef CELLWRIGHT_PEAK
#undef CELLWRIGHT_TURN
#undef CELLWRIGHT_START
#undef CELLWRIGHT_CHAINS

} // namespace

double measurePeakFlops(bool isDouble, double seconds) {
  __builtin_cpu_init();
  void (*turn)() = isDouble ? turnDouble16 : turnFloat16;
  int bytes = 16;
  if (__builtin_cpu_supports("avx512f")) {
    turn = isDouble ? turnDouble64 : turnFloat64;
    bytes = 64;
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    turn = isDouble ? turnDouble32 : turnFloat32;
    bytes = 32;
  }
  double flops = 2.0 * kTurns * kChains * bytes / (isDouble ? 8 : 4);
  double best = 0;
  turn();
  for (auto start = Clock::now(); secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    turn();
    best = std::max(best, flops / secondsSince(begin));
  }
  return best;
}

double measureReadBandwidth(int64_t bytes, double seconds) {
  int64_t words = std::max<int64_t>(bytes / 8, 512) / 64 * 64;
  std::vector<uint64_t> memory(words, 1);
  double best = 0;
  for (auto start = Clock::now(); secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    // Small working sets are read many times: one reading would be shorter than the clock's step.
    int64_t rounds = std::max<int64_t>(1, (int64_t{1} << 20) / words);
    for (int64_t round = 0; round < rounds; ++round) {
      typedef uint64_t Vector __attribute__((vector_size(64), aligned(8)));
      Vector sums[4] = {};
      for (int64_t i = 0; i + 32 <= words; i += 32)
        for (int j = 0; j < 4; ++j) {
          Vector loaded;
          std::memcpy(&loaded, &memory[i + 8 * j], sizeof loaded);
          sums[j] |= loaded;
        }
      keep(sums);
    }
    best = std::max(best, static_cast<double>(rounds * words * 8) / secondsSince(begin));
  }
  return best;
}

} // namespace cellwright
