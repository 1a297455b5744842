// Layers of cells and a cell without state on top, whose output is logits or numbers; with one flat
// array of parameters and one of gradients. What one gets wrong: training and evaluation have
// kernels and carried states of their own, because random functions draw in training only; they
// share the parameters.
#pragma once

#include "runtime/network.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cellwright {

/// The kernels of a model, all F32, compiled for the same target. The first of `embedding`,
/// `layers` and `decoder` that is there takes the model's input: indices of symbols
/// (cellwright_vector_info::is_index), or vectors.
struct SequenceModelKernels {
  const cellwright_kernel *embedding = nullptr; // no state; absent: the first layer takes the input
  std::vector<LayerSpec> layers;                // from the first step to the last
  const cellwright_kernel *decoder = nullptr;   // no state; its output is the model's
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

/// What a forward call gets.
struct ModelInput {
  Batch batch;
  /// Rows of the batch's steps: vectors, or indices, which are int32 and have 0 columns. In
  /// training they must stay until `backward`. Rows beyond a sequence's end are not read.
  SeriesView input;
  uint32_t firstStep = 0; // number of the first step, for functions that draw
  uint32_t seed = 0;      // of functions that draw
};

/// Indices, one per row, as the input of a model in this format. They are only read.
SeriesView indexSeries(std::span<const int32_t> indices, Format format);

enum class ModelMode : uint8_t { Training, Evaluation };

class SequenceModel {
public:
  /// Kernels and threads must outlive the model. `training` is absent in a model that only
  /// evaluates; its parameters must be those of `evaluation`. Throws Error if sizes of neighbours
  /// disagree, a layer runs backwards, or a kernel takes something else than one vector per step.
  SequenceModel(const SequenceModelKernels &evaluation,
                const std::optional<SequenceModelKernels> &training, ThreadPool &threads);
  ~SequenceModel();

  ThreadPool &threads() const;
  /// True if the input is indices of symbols.
  bool takesIndices() const;
  int64_t inputSize() const;  // of vectors, or number of symbols
  int64_t outputSize() const; // numbers per step
  /// The name of the cell that takes the input: `embedding`, `layer0`.
  const std::string &firstCell() const;
  Format format() const;
  bool canTrain() const;

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

  /// Draws first values, each parameter from a stream of its own name. Those that are drawn, all
  /// but constants and identities, are multiplied by `scale`.
  void initialize(uint64_t seed, double scale = 1);
  /// Must be called after values changed: kernels keep them in a packed form.
  void paramsChanged();

  //===-- Steps -------------------------------------------------------------------------------===//

  /// Runs all steps from the states with which the last call of this mode ended, zeros after
  /// `restart`. The output, valid until the next call, has rows in the batch's order; those beyond
  /// a sequence's end are arbitrary. Throws Error if the number of sequences changed, or an index
  /// is none.
  SeriesView forward(ModelMode mode, const ModelInput &input);
  /// Goes back over the last call of training and fills `gradients`; nothing flows into the call
  /// before. Rows of the adjoint beyond a sequence's end are not read.
  void backward(const SeriesView &outputAdjoint);
  /// The next call of this mode starts from zeros.
  void restart(ModelMode mode);

  /// From now on the tapes of all layers take at most so many bytes together, over batches [steps,
  /// sequences]; gradients stay the same bits. Returns the layers' plans (runtime/tape_plan.h).
  /// Throws Error if even the smallest plans take more.
  std::vector<TapePlan> limitMemory(int64_t bytes, int64_t steps, int64_t sequences);

  /// What training carries; empty after `restart`. For checkpoints.
  std::vector<ModelState> states() const;
  /// Throws Error if names or sizes are others than the model's.
  void setStates(std::span<const ModelState> states);

private:
  struct Work;
  std::unique_ptr<Work> work;
};

} // namespace cellwright
