// How a cell's gradient comes through 50 steps at its first values: what vanishes or explodes there
// is not worth hours. What one gets wrong: the limits are wide, for cells that learn well halve
// their gradients at every step when they begin.
#pragma once

#include "runtime/kernel_abi.h"
#include "search/trial.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cellwright {

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

/// Why a cell with this gradient is not trained: Vanishing or Exploding, which NaN is too, and the
/// reason for people.
struct FlowVerdict {
  TrialStatus status;
  std::string reason;
};
std::optional<FlowVerdict> judgeFlow(const GradientFlow &flow);

} // namespace cellwright
