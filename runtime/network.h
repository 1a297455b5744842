// Layers of cells on top of each other: any cells, in one direction or both, with residual
// connections and dropout between layers. What one gets wrong: a layer that runs in both directions
// has two cells, forward first, each with its own parameters.
#pragma once

#include "runtime/layer.h"

#include <memory>
#include <vector>

namespace cellwright {

enum class Direction : uint8_t {
  Forward,
  Reversed,   // from each sequence's end to its start
  BothConcat, // outputs [forward, reversed]
  BothSum,
};

/// One layer. A cell has exactly one input per step, the output of the layer below; further inputs
/// are per sequence.
struct LayerSpec {
  const cellwright_kernel *cell = nullptr;
  Direction direction = Direction::Forward;
  const cellwright_kernel *reversedCell = nullptr; // of the second direction of both
  bool isResidual = false; // adds the layer's input to its output; sizes must agree
  const cellwright_kernel *dropout =
      nullptr; // a cell without state that is put on the input in training
};

struct NetworkForward {
  Batch batch;
  SeriesView input; // of the first layer: T * N rows, or indices
  std::vector<std::vector<SeriesView>>
      sequenceInputs; // per cell: its inputs per sequence, in order; or empty
  std::vector<std::vector<const void *>>
      initialStates;               // per cell, per state: row-major [N, d] or null; or empty
  const uint8_t *resets = nullptr; // [T, N] in the caller's order
  bool isContinued = false;
  bool isTraining = false; // keeps tapes, drops out
  /// Bytes that the tapes of all layers may take together, in training; see ForwardArguments. Each
  /// gets the part that its whole tape has of all, and at least what its smallest plan takes.
  int64_t memoryLimit = kNoMemoryLimit;
  uint32_t firstStep = 0;
  uint64_t seed = 0;
};

struct NetworkBackward {
  SeriesView outputAdjoint; // T * N rows of the last layer's output; data null: zeros
  std::vector<std::vector<void *>> paramGradients;      // per cell, per parameter
  std::vector<std::vector<const void *>> finalAdjoints; // per cell, per state; or empty
  std::vector<std::vector<void *>> initialAdjoints;     // per cell, per state; or empty
  std::vector<std::vector<SeriesView>>
      sequenceInputAdjoints; // per cell: of its inputs per sequence, in order; or empty
  SeriesView inputAdjoint;   // data null: not computed
};

class Network {
public:
  /// Throws Error where sizes, element types or panel widths of neighbouring layers disagree.
  Network(std::vector<LayerSpec> layers, ThreadPool &threads);
  ~Network();

  /// Cells in order: layer by layer, forward before reversed.
  int cellCount() const;
  Layer &cell(int index);
  Format format() const;
  int64_t outputSize() const;

  /// Plans of all tapes in a call over `span` under a limit on their memory: of the cells in order,
  /// then of dropouts. Throws Error if even the smallest plans do not fit.
  std::vector<TapePlan> planTapes(const TapeSpan &span, int64_t memoryLimit) const;
  /// Bytes that tapes and kept states hold now.
  int64_t heldTapeBytes() const;

  /// Steps and sequences as in Layer::forward; resets, lengths and carried states reach every cell.
  /// Throws Error if the tapes do not fit the limit on their memory.
  void forward(const NetworkForward &arguments);
  /// Goes back over the last forward call, which must have been one in training.
  void backward(const NetworkBackward &arguments);
  /// Output of the last layer, valid until the next forward call.
  SeriesView output() const;

private:
  struct Work;
  std::unique_ptr<Work> work;
};

} // namespace cellwright
