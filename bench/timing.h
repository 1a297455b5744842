// Taking time: several pieces of work in turn, so that what else the machine does hits all of them.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace cellwright {

/// Seconds of one run.
struct Timing {
  double median = 0;
  double least = 0;
  double spread = 0; // (90th - 10th percentile) / median
  int runs = 0;
};

/// Runs all pieces once to warm up, then in turn, A B C A B C ..., for about `seconds` in all and
/// five times at least. With `hasThreads` a piece runs untimed for some hundredths of a second
/// before it is timed, some times: threads of the piece before may still spin, and a system often
/// wakes its own on one processor and takes milliseconds to part them. One timing per piece.
std::vector<Timing> measureInTurn(std::span<const std::function<void()>> pieces, double seconds,
                                  bool hasThreads = false);

} // namespace cellwright
