// How long something takes, for programs that measure.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace cellwright {

/// Times in ms of the same action, one after the other.
class Meter {
public:
  template <typename Action> void measure(const Action &action) {
    auto start = std::chrono::steady_clock::now();
    action();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }

  /// The times since it was called before, the shortest first.
  std::vector<double> takeSorted() {
    std::sort(times.begin(), times.end());
    return std::exchange(times, {});
  }

private:
  std::vector<double> times;
};

} // namespace cellwright
