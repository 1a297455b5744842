// Numbers that a caller gives a cell before it is checked.
#pragma once

#include "dsl/text.h"

#include <vector>

namespace cellwright {

/// `--set k=0.9`, `--set gate=2` or `--dim H=16`.
struct Setting {
  Text name;
  double number = 0;
};

struct Settings {
  std::vector<Setting> options;    // of options, and the alternatives of choices, counted from 1
  std::vector<Setting> dimensions; // used only where a bound of `repeat` needs a number
};

} // namespace cellwright
