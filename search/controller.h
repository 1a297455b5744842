// What a strategy that learns decides with: a policy over sequences of decisions. The strategy
// knows rewards and trials, the controller networks and kernels; so programs without a compiler
// have the one and not the other.
#pragma once

#include "training/random.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

/// What a controller is, apart from what it has learned.
struct ControllerForm {
  std::vector<int64_t> sizes; // alternatives of each decision, in their order
  int64_t layers = 1;
  int64_t hidden = 1;
  bool usesSgd = false; // in place of Adam
  double learningRate = 0;
  double entropy = 0; // weight of the decisions' mean entropy in what is made large
  uint64_t seed = 0;  // of the first policy
};

/// Decisions that were tried, and how much better they were than what was expected.
struct TriedDecisions {
  std::vector<int> chosen;
  double advantage = 0;
};

/// Everything that it will do follows from its form, what it has learned, and the random numbers;
/// the same bits on the same machine.
class Controller {
public:
  virtual ~Controller() = default;

  /// Draws an alternative of each decision.
  virtual std::vector<int> sample(Random &random) const = 0;
  /// One step that makes decisions more likely by their advantages (Williams 1992).
  virtual void learn(std::span<const TriedDecisions> tried) = 0;

  /// All that it has learned, as text, and back. `load` throws Error if the text is of no
  /// controller of this form.
  virtual std::string save() const = 0;
  virtual void load(const std::string &text) = 0;
};

using MakeController = std::function<std::unique_ptr<Controller>(const ControllerForm &form)>;

} // namespace cellwright
