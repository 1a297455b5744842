// A model that predicts the next symbol: a sequence model over symbol indices whose output is
// logits. What one gets wrong: training and evaluation carry states of their own.
#pragma once

#include "training/loss.h"
#include "training/sequence_model.h"
#include "training/text_data.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace cellwright {

/// What a batch of training gets besides its symbols.
struct BatchOptions {
  double gradientScale = 1; // gradients are those of the mean loss per symbol times this
  uint32_t firstStep = 0;   // number of the first step, for functions that draw
  uint32_t seed = 0;        // of functions that draw
};

class LanguageModel {
public:
  /// Kernels and threads must outlive the model. `training` is absent in a model that only
  /// evaluates and samples. Throws Error as SequenceModel, and if its input is not indices of as
  /// many symbols as it gives logits.
  LanguageModel(const SequenceModelKernels &evaluation,
                const std::optional<SequenceModelKernels> &training, ThreadPool &threads);

  /// How many symbols it knows: logits per step.
  int64_t vocabularySize() const { return model.outputSize(); }
  ThreadPool &threads() const { return model.threads(); }

  //===-- Parameters --------------------------------------------------------------------------===//

  /// As SequenceModel's.
  std::span<const ModelParam> params() const { return model.params(); }
  std::span<float> values() { return model.values(); }
  std::span<float> valuesOf(const ModelParam &param) { return model.valuesOf(param); }
  std::span<float> trainedValues() { return model.trainedValues(); }
  std::span<float> gradients() { return model.gradients(); }
  int64_t paramCount() const { return model.paramCount(); }
  void initialize(uint64_t seed) { model.initialize(seed); }
  void paramsChanged() { model.paramsChanged(); }

  //===-- Training ----------------------------------------------------------------------------===//

  /// Forward, loss, backward, over inputs and targets [steps, sequences], from the states with
  /// which the last call ended, zeros after `clearStates`. Fills `gradients`: truncated
  /// backpropagation through time, nothing flows into the batch before. Returns mean nats per
  /// symbol; if that is not finite, gradients are not computed. Throws Error if the number of
  /// sequences changed.
  double trainBatch(std::span<const int32_t> inputs, std::span<const int32_t> targets,
                    int64_t sequences, const BatchOptions &options);

  /// As SequenceModel's.
  std::vector<TapePlan> limitMemory(int64_t bytes, int64_t steps, int64_t sequences) {
    return model.limitMemory(bytes, steps, sequences);
  }

  /// Training starts from zeros.
  void clearStates() { model.restart(ModelMode::Training); }
  /// What training carries; empty after `clearStates`. For checkpoints.
  std::vector<ModelState> states() const { return model.states(); }
  /// Throws Error if names or sizes are others than the model's.
  void setStates(std::span<const ModelState> states) { model.setStates(states); }

  //===-- Evaluation --------------------------------------------------------------------------===//

  /// Called after each batch with batches done and all batches; false stops.
  using EvalProgress = std::function<bool(int64_t done, int64_t all)>;

  /// Mean nats per symbol over all batches in order, states zero before the first and carried from
  /// batch to batch. Training's states are untouched. Stopped early: the mean so far.
  double evaluate(const Batches &batches, const EvalProgress &progress = {});

  //===-- Sampling ----------------------------------------------------------------------------===//

  /// The next call of `step` starts from zeros. `evaluate` does that too.
  void restart() { model.restart(ModelMode::Evaluation); }
  /// Takes one symbol of one sequence and writes the logits of the next.
  void step(int32_t symbol, std::span<float> logits);

private:
  SeriesView forward(ModelMode mode, std::span<const int32_t> inputs, int64_t sequences,
                     const BatchOptions &options);

  SequenceModel model;
  Series logitsAdjoint;
  std::vector<double> lossScratch;
};

} // namespace cellwright
