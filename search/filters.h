// Cheap looks at a candidate before it is trained: what cannot learn costs milliseconds instead of
// minutes. What one gets wrong: the limits of gradients are wide, for cells
// that learn well halve their gradients at every step when they begin.
#pragma once

#include "codegen/compile.h"
#include "dsl/cell.h"
#include "search/model_stack.h"
#include "search/trial.h"
#include "training/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cellwright {

/// Why a candidate is not trained. Reports count each.
enum class Filter : uint8_t {
  Check,     // it does not check, or does not take the task's sizes
  Path,      // the output does not depend on an input, or no state on itself
  Size,      // more parameters than the budget has
  Vanishing, // the gradient over 50 steps vanishes at the first values
  Exploding, // or explodes
};
inline constexpr int kFilterCount = 5;
/// How reports and stores write it: `check`, `path`, `size`, `vanishing`, `exploding`.
std::string_view nameOf(Filter filter);

struct Filtered {
  Filter filter;
  std::string reason; // for people
};

/// How the norm of a gradient changes per step on its way back, on average over 50 steps.
struct GradientFlow {
  double perStep = 0; // 0 if nothing arrives; NaN or infinite if it is no number
};

/// Gradients that shrink to less than a quarter per step are gone after 50 steps, 4^-50 = 8e-31 of
/// what they were, far below the resolution of f32 beside any other; those that double are 2^50 =
/// 1e15. Shipped cells have between 0.47 (sru, whose gates begin at 1/2) and 1.04, but for rhn and
/// indrnn, which have 0.
inline constexpr double kLeastPerStep = 0.25, kMostPerStep = 2;
inline constexpr int64_t kFlowSteps = 50;

/// Measures it: a random gradient at the output of the last step goes back to the states before the
/// first one, with the first values of `seed` times `initScale`, random inputs and states of zeros.
/// The kernel takes F32 and has a backward pass.
GradientFlow measureGradientFlow(const cellwright_kernel &kernel, uint64_t seed, double initScale);

struct FilterOptions {
  TaskForm form;
  HyperParameters hyper;  // `hidden` is chosen by the budget, if there is one
  int64_t mostParams = 0; // of the whole model; 0: no budget
  uint64_t seed = 1;      // of first values
  CompileOptions compile;
};

/// What came of a candidate: a reason not to train it, or the hidden size to train it with.
struct FilterVerdict {
  std::optional<Filtered> filtered;
  int64_t hidden = 0;
};

/// What its equations and sizes say: milliseconds, and nothing is compiled.
FilterVerdict filterByEquations(const std::string &cell, const FilterOptions &options);

/// What its gradient at the first values says, with the hidden size as it is. Compiles the kernel
/// that training takes from the cache. Throws Error if the cell is wrong.
std::optional<Filtered> filterByGradient(const std::string &cell, const FilterOptions &options);

} // namespace cellwright
