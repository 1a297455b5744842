// What this machine can do: the yardstick that speeds are reported against, measured in the same
// run.
#pragma once

#include "runtime/thread_pool.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cellwright {

/// A level of the memory and how fast it is read, in bytes per second.
struct MemoryLevel {
  std::string name;          // L1, L2, L3, memory
  int64_t bytes = 0;         // of one core; of the machine for L3; 0 for the memory
  double bandwidth = 0;      // read by one core
  double bandwidthOfAll = 0; // by all threads of the run together, each its own data
};

/// Multiply-adds count two flops.
struct Machine {
  std::string processor;
  int threads = 1;
  double peakFloat = 0, peakDouble = 0;           // flops per second of one core
  double peakFloatOfAll = 0, peakDoubleOfAll = 0; // of all threads of the run together
  std::vector<MemoryLevel> levels;                // from the fastest
  double multiplyAddSeconds = 0;                  // of a multiply-add that waits for the one before
  double roundTripSeconds = 0; // of a cache line to another core and back; 0 with one thread

  double peak(bool isDouble, bool isAll) const;
  /// The fastest level that holds so many bytes. With `isAll` the threads share the data out among
  /// them: each reads its part.
  const MemoryLevel &levelFor(int64_t bytes, bool isAll) const;
};

/// Measures the machine with so many threads. Takes about a second.
Machine measureMachine(int threads);

/// Bytes per second at which so many threads together read data of `bytes` in all again and again,
/// each its part. Takes some hundredths of a second.
double measureReadBandwidth(int64_t bytes, int threads);

/// Seconds in which a cache line goes to another core and back; 0 with one thread. On virtual
/// machines it changes within minutes, with the cores that the threads get.
double measureRoundTrip(int threads);

/// About half a millisecond of the work whose speed is the peak, on so many threads: to be timed in
/// turn with what is compared to it, for a processor's clock moves with time.
class PeakWork {
public:
  PeakWork(bool isDouble, int threads);
  void run();
  double flops() const { return flopsOfTurn * turns * pool.size(); }

private:
  ThreadPool pool;
  void (*turn)();
  double flopsOfTurn; // of one thread
  int turns;
};

} // namespace cellwright
