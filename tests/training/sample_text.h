// A text with a pattern to learn, for tests that train.
#pragma once

#include "training/random.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cellwright {

/// Words of a small language, drawn evenly, each with a blank behind it; seven symbols. The same
/// text each time.
inline std::string sampleTextOf(int64_t words) {
  static constexpr std::string_view kWords[] = {"abc", "de", "fad", "bead"};
  Random random(1, "text");
  std::string text;
  for (int64_t i = 0; i < words; ++i)
    text += std::string(kWords[random.next() % 4]) + " ";
  return text;
}

} // namespace cellwright
