// See machine.h. GCC's vector extensions instead of intrinsics: one macro serves every width, and
// each instance is compiled for the processors that have it. What one gets wrong: g++ keeps an
// array of vectors in memory, so chains and sums are named one by one.
#include "bench/machine.h"

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kTurns = 20000;
constexpr int kChains = 12; // more than latency times units of any processor known here

#define CELLWRIGHT_TWELVE(each)                                                                    \
  each(0) each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) each(10) each(11)
#define CELLWRIGHT_START(i) Vector a##i = Vector{} + static_cast<Element>(i);
#define CELLWRIGHT_MULTIPLY_ADD(i)                                                                 \
  a##i = a##i * b + c;                                                                             \
  asm volatile("" : "+v"(a##i));
#define CELLWRIGHT_READ(i)                                                                         \
  std::memcpy(&a, bytes + at + i * sizeof(a), sizeof(a));                                          \
  asm volatile("" : : "v"(a));

// Plain versions: for each turn, for each of 12 vectors a (or for one): a = a * b + c. The empty
// assembly keeps what nobody uses.
#define CELLWRIGHT_ARITHMETIC(name, targetName, Real, bytes, vectors)                              \
  __attribute__((target(targetName), noinline)) void name() {                                      \
    typedef Real Element;                                                                          \
    typedef Real Vector __attribute__((vector_size(bytes)));                                       \
    vectors(CELLWRIGHT_START) Vector b = Vector{} + static_cast<Real>(0.999);                      \
    Vector c = Vector{} + static_cast<Real>(0.001);                                                \
    for (int64_t turn = 0; turn < kTurns; ++turn) {                                                \
      vectors(CELLWRIGHT_MULTIPLY_ADD)                                                             \
    }                                                                                              \
  }
#define CELLWRIGHT_ONE(each) each(0)

// The arithmetic and, plainly, `for each vector of the bytes: load it`, for one vector width.
#define CELLWRIGHT_LOOPS(bits, targetName)                                                         \
  CELLWRIGHT_ARITHMETIC(multiplyAddFloat##bits, targetName, float, bits / 8, CELLWRIGHT_TWELVE)    \
  CELLWRIGHT_ARITHMETIC(multiplyAddDouble##bits, targetName, double, bits / 8, CELLWRIGHT_TWELVE)  \
  CELLWRIGHT_ARITHMETIC(chain##bits, targetName, float, bits / 8, CELLWRIGHT_ONE)                  \
  __attribute__((target(targetName), noinline)) void read##bits(const std::byte *bytes,            \
                                                                int64_t count) {                   \
    typedef float Vector __attribute__((vector_size(bits / 8)));                                   \
    for (int64_t at = 0; at < count; at += 12 * bits / 8) {                                        \
      Vector a;                                                                                    \
      CELLWRIGHT_TWELVE(CELLWRIGHT_READ)                                                           \
    }                                                                                              \
  }                                                                                                \
  constexpr Loops kLoops##bits = {bits / 8, multiplyAddFloat##bits, multiplyAddDouble##bits,       \
                                  chain##bits, read##bits};

/// The loops of one vector width.
struct Loops {
  int width; // bytes
  void (*multiplyAddFloat)();
  void (*multiplyAddDouble)();
  void (*chain)();
  void (*read)(const std::byte *, int64_t);

  auto multiplyAdd(bool isDouble) const { return isDouble ? multiplyAddDouble : multiplyAddFloat; }
  double flopsOfTurn(bool isDouble) const {
    return 2.0 * kTurns * kChains * width / (isDouble ? 8 : 4);
  }
};

CELLWRIGHT_LOOPS(512, "avx512f")
CELLWRIGHT_LOOPS(256, "avx2,fma")
CELLWRIGHT_LOOPS(128, "sse2")
#undef CELLWRIGHT_LOOPS
#undef CELLWRIGHT_ONE
#undef CELLWRIGHT_ARITHMETIC
#undef CELLWRIGHT_READ
#undef CELLWRIGHT_MULTIPLY_ADD
#undef CELLWRIGHT_START
#undef CELLWRIGHT_TWELVE

Loops findLoops() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return kLoops512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return kLoops256;
  return kLoops128;
}

/// The shortest time of a piece of work, repeated for about `seconds`.
double leastSeconds(const std::function<void()> &work, double seconds) {
  work();
  double least = 1e9;
  for (auto start = Clock::now(); secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    work();
    least = std::min(least, secondsSince(begin));
  }
  return least;
}

/// Multiply-adds per second of all threads, counted twice: independent chains in registers, in
/// vectors of the widest kind that the processor has.
double measurePeak(ThreadPool &pool, bool isDouble) {
  Loops loops = findLoops();
  auto turn = loops.multiplyAdd(isDouble);
  return loops.flopsOfTurn(isDouble) * pool.size() /
         leastSeconds([&] { pool.run([&](int) { turn(); }); }, 0.1);
}

/// Every thread reads its own memory of so many bytes again and again.
double readBandwidth(ThreadPool &pool, int64_t bytes) {
  Loops loops = findLoops();
  int64_t turn = 12 * loops.width;
  int64_t count = std::max<int64_t>(1, bytes / turn) * turn;
  std::vector<AlignedBytes> memory(pool.size());
  pool.run([&](int thread) { memory[thread].resize(static_cast<size_t>(count)); });
  // Small working sets are read many times: one reading would be shorter than the clock's step.
  int64_t rounds = std::max<int64_t>(1, (int64_t{1} << 22) / count);
  double least = leastSeconds(
      [&] {
        pool.run([&](int thread) {
          for (int64_t round = 0; round < rounds; ++round)
            loops.read(memory[thread].data(), count);
        });
      },
      0.05);
  return static_cast<double>(rounds * count * pool.size()) / least;
}

/// Time of a multiply-add that waits for the one before.
double measureMultiplyAddLatency() { return leastSeconds(findLoops().chain, 0.02) / kTurns; }

/// Two threads hand a number to each other.
double roundTrip(ThreadPool &pool) {
  constexpr int kTrips = 2000;
  alignas(64) std::atomic<int> ball{0};
  auto play = [&](int thread) {
    if (thread > 1)
      return;
    for (int trip = 0; trip < kTrips; ++trip) {
      while (ball.load(std::memory_order_acquire) != 2 * trip + thread)
        ;
      ball.store(2 * trip + thread + 1, std::memory_order_release);
    }
  };
  double least = leastSeconds(
      [&] {
        ball = 0;
        pool.run(play);
      },
      0.02);
  return least / kTrips;
}

/// Size of a cache that holds data, as the kernel gives it; on virtual machines it is what the
/// machine has, where the processor's own answer is about the whole package.
int64_t cacheBytes(int level, int64_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int found = 0;
    int64_t kilobytes = 0;
    std::string type;
    std::ifstream(folder + "level") >> found;
    std::ifstream(folder + "type") >> type;
    std::ifstream(folder + "size") >> kilobytes;
    if (found == level && type != "Instruction" && kilobytes > 0)
      return kilobytes << 10;
  }
  return otherwise;
}

std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      return line.substr(line.find(':') + 2);
  return "unknown processor";
}

} // namespace

double Machine::peak(bool isDouble, bool isAll) const {
  if (isAll)
    return isDouble ? peakDoubleOfAll : peakFloatOfAll;
  return isDouble ? peakDouble : peakFloat;
}

const MemoryLevel &Machine::levelFor(int64_t bytes, bool isAll) const {
  for (const MemoryLevel &level : levels) {
    bool isOwn = level.name == "L1" || level.name == "L2";
    int64_t share = isAll && isOwn ? bytes / threads : bytes;
    if (level.bytes == 0 || share <= level.bytes)
      return level;
  }
  return levels.back();
}

PeakWork::PeakWork(bool isDouble, int threads)
    : pool(threads), turn(findLoops().multiplyAdd(isDouble)),
      flopsOfTurn(findLoops().flopsOfTurn(isDouble)) {
  constexpr double kSeconds = 5e-4;
  turns = static_cast<int>(kSeconds / leastSeconds(turn, kSeconds)) + 1;
}

void PeakWork::run() {
  pool.run([&](int) {
    for (int i = 0; i < turns; ++i)
      turn();
  });
}

double measureReadBandwidth(int64_t bytes, int threads) {
  ThreadPool pool(threads);
  return readBandwidth(pool, bytes / threads);
}

double measureRoundTrip(int threads) {
  if (threads == 1)
    return 0;
  ThreadPool pool(threads);
  return roundTrip(pool);
}

Machine measureMachine(int threads) {
  ThreadPool one(1), all(threads);
  Machine machine;
  machine.processor = processorName();
  machine.threads = threads;
  machine.peakFloat = measurePeak(one, false);
  machine.peakDouble = measurePeak(one, true);
  machine.peakFloatOfAll = threads > 1 ? measurePeak(all, false) : machine.peakFloat;
  machine.peakDoubleOfAll = threads > 1 ? measurePeak(all, true) : machine.peakDouble;
  int64_t l1 = cacheBytes(1, 32 << 10);
  int64_t l2 = cacheBytes(2, 1 << 20);
  int64_t l3 = cacheBytes(3, 16 << 20);
  // Working sets well inside of a level and well outside of the one before.
  struct Probe {
    const char *name;
    int64_t size, workingSet;
  };
  for (const Probe &probe : {Probe{"L1", l1, l1 / 2}, Probe{"L2", l2, l2 / 2},
                             Probe{"L3", l3, std::max(l3 / 4, 2 * l2) / threads},
                             Probe{"memory", 0, std::max<int64_t>(4 * l3, 64 << 20)}}) {
    double bandwidth = readBandwidth(one, probe.workingSet);
    double ofAll = threads > 1 ? readBandwidth(all, probe.workingSet) : bandwidth;
    machine.levels.push_back({probe.name, probe.size, bandwidth, ofAll});
  }
  machine.multiplyAddSeconds = measureMultiplyAddLatency();
  machine.roundTripSeconds = threads > 1 ? roundTrip(all) : 0;
  return machine;
}

} // namespace cellwright
