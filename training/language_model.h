// A model that predicts the next symbol: layers of cells over symbol indices, and a cell without
// state that turns the top layer's output into logits. What one gets wrong: training and evaluation
// have kernels and carried states of their own, because random functions draw in training only;
// they share the parameters.
#pragma once

#include "runtime/network.h"
#include "training/loss.h"
#include "training/text_data.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

/// The kernels of a model, all F32, compiled for the same target. The first of `embedding`,
/// `layers` and `decoder` that is there takes indices of symbols
/// (cellwright_vector_info::is_index).
struct LanguageModelKernels {
  const cellwright_kernel *embedding = nullptr; // no state; absent: the first layer takes indices
  std::vector<LayerSpec> layers;                // from the first step to the last
  const cellwright_kernel *decoder = nullptr;   // no state; its output is the logits
  const cellwright_kernel *decoderDropout = nullptr; // no state; on the decoder's input in training
};

/// One parameter within the flat arrays.
struct ModelParam {
  std::string name; // `layer0.W_i_x`, `embedding.W_y_x`, `decoder.b_y`
  cellwright_param_info info;
  int64_t offset = 0; // in the flat array
  int64_t size = 0;

  std::vector<int64_t> shape() const;
};

/// A state that a network carries, row-major [sequences, size].
struct ModelState {
  std::string name; // `layer0.h`
  int64_t sequences = 0;
  int64_t size = 0;
  std::vector<float> values;
};

/// What a batch of training gets besides its symbols.
struct BatchOptions {
  double gradientScale = 1; // gradients are those of the mean loss per symbol times this
  uint32_t firstStep = 0;   // number of the first step, for functions that draw
  uint32_t seed = 0;        // of functions that draw
};

class LanguageModel {
public:
  /// Kernels and threads must outlive the model. `training` is absent in a model that only
  /// evaluates and samples; its parameters must be those of `evaluation`. Throws Error if sizes of
  /// neighbours disagree, a layer runs backwards, or a kernel takes something else than one vector
  /// per step.
  LanguageModel(const LanguageModelKernels &evaluation,
                const std::optional<LanguageModelKernels> &training, ThreadPool &threads);
  ~LanguageModel();

  /// How many symbols it knows: logits per step.
  int64_t vocabularySize() const;
  ThreadPool &threads() const;

  //===-- Parameters --------------------------------------------------------------------------===//

  /// All parameters; those that are trained come first in the flat array. Each begins at a multiple
  /// of 16; what is between them is zero and must stay so.
  std::span<const ModelParam> params() const;
  std::span<float> values();
  std::span<float> valuesOf(const ModelParam &param);
  /// The part of `values` that is trained, and its gradients, at the same places.
  std::span<float> trainedValues();
  std::span<float> gradients();
  /// Numbers in all parameters, without the room between them.
  int64_t paramCount() const;

  /// Draws first values, each parameter from a stream of its own name.
  void initialize(uint64_t seed);
  /// Must be called after values changed: kernels keep them in a packed form.
  void paramsChanged();

  //===-- Training ----------------------------------------------------------------------------===//

  /// Forward, loss, backward, over inputs and targets [steps, sequences], from the states with
  /// which the last call ended, zeros after `clearStates`. Fills `gradients`: truncated
  /// backpropagation through time, nothing flows into the batch before. Returns mean nats per
  /// symbol; if that is not finite, gradients are not computed. Throws Error if the number of
  /// sequences changed.
  double trainBatch(std::span<const int32_t> inputs, std::span<const int32_t> targets,
                    int64_t sequences, const BatchOptions &options);

  /// From now on the tapes of all layers take at most so many bytes together, over batches [steps,
  /// sequences]; gradients stay the same bits. Returns the layers' plans (runtime/tape_plan.h).
  /// Throws Error if even the smallest plans take more.
  std::vector<TapePlan> limitMemory(int64_t bytes, int64_t steps, int64_t sequences);

  /// Training starts from zeros.
  void clearStates();
  /// What training carries; empty after `clearStates`. For checkpoints.
  std::vector<ModelState> states() const;
  /// Throws Error if names or sizes are others than the model's.
  void setStates(std::span<const ModelState> states);

  //===-- Evaluation --------------------------------------------------------------------------===//

  /// Called after each batch with batches done and all batches; false stops.
  using EvalProgress = std::function<bool(int64_t done, int64_t all)>;

  /// Mean nats per symbol over all batches in order, states zero before the first and carried from
  /// batch to batch. Training's states are untouched. Stopped early: the mean so far.
  double evaluate(const Batches &batches, const EvalProgress &progress = {});

  //===-- Sampling ----------------------------------------------------------------------------===//

  /// The next call of `step` starts from zeros. `evaluate` does that too.
  void restart();
  /// Takes one symbol of one sequence and writes the logits of the next.
  void step(int32_t symbol, std::span<float> logits);

private:
  struct Work;
  std::unique_ptr<Work> work;
};

} // namespace cellwright
