// How long something has taken, for what measures itself.
#pragma once

#include <chrono>

namespace cellwright {

/// Seconds from a moment to now.
inline double secondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace cellwright
