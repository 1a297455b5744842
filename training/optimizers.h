// What turns gradients into new parameters: one function and one row of a table per optimizer, over
// flat arrays. What one gets wrong: `epsilon` stands outside the root in RMSprop, Adagrad and Adam,
// as in Torch, and inside it in AdaDelta.
#pragma once

#include "runtime/thread_pool.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// Numbers of an optimizer; it ignores those that its formula does not have.
struct OptimizerSettings {
  double momentum = 0;     // of sgd, in [0, 1)
  bool isNesterov = false; // of sgd: looks ahead along the momentum
  double decayRate = 0;    // of squared gradients' running mean, in [0, 1)
  double beta1 = 0;        // of gradients' running mean, in [0, 1)
  double beta2 = 0;        // of squared gradients' running mean, in [0, 1)
  double epsilon = 0;      // keeps a division finite
  double weightDecay = 0;  // adamw: pulls parameters to 0; the others: is the gradient of its half
                           // times their squares
};

/// What one update works on: the same range of all arrays.
struct UpdateRange {
  float *params;
  const float *gradients;
  std::array<float *, 2> slots; // state of the optimizer, as many as it names
  int64_t count;
  double learningRate;
  int64_t step; // counts from 1
  const OptimizerSettings *settings;
};

struct OptimizerInfo {
  std::string_view name;
  std::string_view formula; // one line, for help
  std::string_view source;
  std::array<std::string_view, 2>
      slots; // names of its state arrays, which start as zeros; empty: not used
  OptimizerSettings defaults;
  double learningRate; // default
  void (*update)(const UpdateRange &range);

  int slotCount() const { return slots[0].empty() ? 0 : slots[1].empty() ? 1 : 2; }
};

/// All optimizers: sgd, rmsprop, adagrad, adadelta, adam, adamw.
std::span<const OptimizerInfo> optimizers();
/// Throws Error that lists the names if there is none of that name.
const OptimizerInfo &findOptimizer(std::string_view name);

/// An optimizer at work: settings, state arrays, number of updates.
class Optimizer {
public:
  /// For arrays of `count` elements. Throws Error if a setting is out of its range.
  Optimizer(const OptimizerInfo &info, const OptimizerSettings &settings, int64_t count);

  const OptimizerInfo &info() const { return *row; }
  /// Updates parameters in place; the result does not depend on the number of threads.
  void update(std::span<float> params, std::span<const float> gradients, double learningRate,
              ThreadPool &threads);

  /// For checkpoints: what an optimizer is besides its settings.
  int64_t steps() const { return stepCount; }
  void setSteps(int64_t steps) { stepCount = steps; }
  std::span<float> slot(int index) { return state[index]; }

private:
  const OptimizerInfo *row;
  OptimizerSettings settings;
  std::array<std::vector<float>, 2> state;
  int64_t stepCount = 0;
};

} // namespace cellwright
