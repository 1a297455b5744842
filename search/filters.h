// Cheap looks at the equations of a candidate before it is trained: what cannot learn, or is too
// large, costs a millisecond. What its gradient says is seen when it is compiled, by
// gradient_flow.h.
#pragma once

#include "search/trial.h"
#include "training/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cellwright {

/// Why a candidate is not tried. Reports count each.
enum class Filter : uint8_t {
  Check, // it does not check, or does not take the task's sizes
  Path,  // the output does not depend on an input, or on no state that depends on its past
  Size,  // more parameters than the budget has
};
inline constexpr int kFilterCount = 3;
/// How reports and stores write it: `check`, `path`, `size`.
std::string_view nameOf(Filter filter);

struct Filtered {
  Filter filter;
  std::string reason; // for people
};

struct FilterOptions {
  TaskForm form;
  HyperParameters hyper;  // `hidden` is chosen by the budget, if there is one
  int64_t mostParams = 0; // of the whole model; 0: no budget
};

/// What came of a candidate: a reason not to try it, or the hidden size to train it with.
struct FilterVerdict {
  std::optional<Filtered> filtered;
  int64_t hidden = 0;
};

/// What its equations and sizes say. Nothing is compiled.
FilterVerdict filterByEquations(const std::string &cell, const FilterOptions &options);

} // namespace cellwright
