// See timing.h.
#include "bench/timing.h"

#include "runtime/clock.h"

#include <algorithm>
#include <chrono>

namespace cellwright {

using Clock = std::chrono::steady_clock;

static Timing summarize(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  auto at = [&](double part) {
    return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))];
  };
  return {at(0.5), times.front(), (at(0.9) - at(0.1)) / at(0.5), static_cast<int>(times.size())};
}

std::vector<Timing> measureInTurn(std::span<const std::function<void()>> pieces, double seconds,
                                  bool hasThreads) {
  constexpr double kSettled = 0.03; // seconds
  const int runs = hasThreads ? 4 : 1;
  // Shorter runs are repeated: the clock has a cost of its own, and what the others of the turn
  // have put into the caches must not count.
  constexpr double kShortest = 300e-6;
  std::vector<int> repeats;
  for (const auto &piece : pieces) {
    piece();
    auto begin = Clock::now();
    piece();
    double once = std::max(secondsSince(begin), 1e-8);
    repeats.push_back(once < kShortest ? static_cast<int>(kShortest / once) + 1 : 1);
  }
  std::vector<std::vector<double>> times(pieces.size());
  for (auto start = Clock::now(); times.back().size() < 5 || secondsSince(start) < seconds;)
    for (size_t i = 0; i < pieces.size(); ++i) {
      for (auto begin = Clock::now(); hasThreads && secondsSince(begin) < kSettled;)
        pieces[i]();
      for (int run = 0; run < runs; ++run) {
        auto begin = Clock::now();
        for (int turn = 0; turn < repeats[i]; ++turn)
          pieces[i]();
        times[i].push_back(secondsSince(begin) / repeats[i]);
      }
    }
  std::vector<Timing> timings;
  for (std::vector<double> &list : times)
    timings.push_back(summarize(std::move(list)));
  return timings;
}

} // namespace cellwright
