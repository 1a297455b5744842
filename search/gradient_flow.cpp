// See gradient_flow.h.
#include "search/gradient_flow.h"

#include "runtime/layer.h"
#include "training/initializers.h"
#include "training/random.h"
#include "training/sequence_model.h"

#include <cmath>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace cellwright {

namespace {

constexpr int64_t kFlowSequences = 8;

/// A layer with random numbers.
class FlowLayer {
public:
  FlowLayer(const cellwright_kernel &kernel, uint64_t seed, double initScale)
      : kernel(kernel), random(seed, "gradient flow"), threads(1), layer(kernel, threads) {
    setParams(seed, initScale);
  }

  double measure();

private:
  void setParams(uint64_t seed, double initScale);
  SeriesView drawInput();
  void forward();
  /// Goes back from a random gradient; gives the norms of what was there and of what arrives.
  std::pair<double, double> backward();

  const cellwright_kernel &kernel;
  Random random;
  ThreadPool threads;
  Layer layer;
  std::vector<std::vector<float>> params, gradients, stateAdjoints;
  std::vector<int32_t> indices;
  Series input, outputAdjoint;
};

void FlowLayer::setParams(uint64_t seed, double initScale) {
  std::vector<const void *> pointers;
  for (int i = 0; i < kernel.param_count; ++i) {
    const cellwright_param_info &info = kernel.params[i];
    params.emplace_back(static_cast<size_t>(info.rows) * info.columns);
    initialize(info, seed, fmt::format("layer0.{}", info.name), params.back(), initScale);
    pointers.push_back(params.back().data());
    gradients.emplace_back(params.back().size());
  }
  layer.setParams(pointers);
}

/// Standard normal numbers, or symbols that are all as likely.
SeriesView FlowLayer::drawInput() {
  const cellwright_vector_info &info = kernel.inputs[0];
  int64_t rows = kFlowSteps * kFlowSequences;
  if (info.is_index) {
    for (int64_t row = 0; row < rows; ++row)
      indices.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(info.size))));
    return indexSeries(indices, layer.format());
  }
  std::vector<float> numbers(rows * info.size);
  for (float &number : numbers)
    number = static_cast<float>(random.normal());
  input.resize(layer.format(), rows, info.size);
  readSteps(numbers.data(), {kFlowSteps, kFlowSequences, {}, {}}, input.view());
  return input.view();
}

void FlowLayer::forward() {
  ForwardArguments arguments;
  arguments.batch = {kFlowSteps, kFlowSequences, {}, {}};
  arguments.inputs = {drawInput()};
  arguments.initialStates.assign(kernel.state_count, nullptr);
  arguments.keepsTape = true;
  layer.forward(arguments);
}

static double sumOfSquares(const std::vector<float> &values) {
  double sum = 0;
  for (float value : values)
    sum += static_cast<double>(value) * value;
  return sum;
}

std::pair<double, double> FlowLayer::backward() {
  int64_t rows = kFlowSteps * kFlowSequences, last = rows - kFlowSequences;
  std::vector<float> adjoint(rows * kernel.output_size);
  for (int64_t i = last * kernel.output_size; i < std::ssize(adjoint); ++i)
    adjoint[i] = static_cast<float>(random.normal());
  outputAdjoint.resize(layer.format(), rows, kernel.output_size);
  readSteps(adjoint.data(), {kFlowSteps, kFlowSequences, {}, {}}, outputAdjoint.view());
  BackwardArguments arguments;
  arguments.outputAdjoint = outputAdjoint.view();
  for (int i = 0; i < kernel.param_count; ++i)
    arguments.paramGradients.push_back(kernel.params[i].is_frozen ? nullptr : gradients[i].data());
  for (int i = 0; i < kernel.state_count; ++i) {
    stateAdjoints.emplace_back(kFlowSequences * kernel.states[i].size);
    arguments.initialAdjoints.push_back(stateAdjoints.back().data());
  }
  layer.backward(arguments);
  double arrived = 0;
  for (const std::vector<float> &state : stateAdjoints)
    arrived += sumOfSquares(state);
  return {std::sqrt(sumOfSquares(adjoint)), std::sqrt(arrived)};
}

double FlowLayer::measure() {
  forward();
  auto [began, arrived] = backward();
  return std::pow(arrived / began, 1.0 / kFlowSteps);
}

} // namespace

GradientFlow measureGradientFlow(const cellwright_kernel &kernel, uint64_t seed, double initScale) {
  return {FlowLayer(kernel, seed, initScale).measure()};
}

std::optional<FlowVerdict> judgeFlow(const GradientFlow &flow) {
  if (flow.perStep < kLeastPerStep)
    return FlowVerdict{TrialStatus::Vanishing,
                       fmt::format("a step leaves {:.3g} of the gradient, expected {} at least",
                                   flow.perStep, kLeastPerStep)};
  if (flow.perStep <= kMostPerStep)
    return std::nullopt;
  return FlowVerdict{TrialStatus::Exploding,
                     fmt::format("a step multiplies the gradient by {:.3g}, expected {} at most",
                                 flow.perStep, kMostPerStep)};
}

} // namespace cellwright
