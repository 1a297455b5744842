// A compiled cell as a Layer, on the interpreter's numbers, one call or several.
#pragma once

#include "codegen/compiled_kernel.h"
#include "codegen/execute.h"
#include "runtime/layer.h"

#include <vector>

namespace cellwright {

std::vector<const void *> pointersTo(const std::vector<std::vector<std::byte>> &list);

/// Steps [begin, end) of an input, with what is left of its lengths; first states are those of the
/// whole.
SequenceInput stepsOf(const SequenceInput &whole, int64_t begin, int64_t end);

class LayerRun {
public:
  LayerRun(const CompiledKernel &kernel, const std::vector<Elements> &params, int threads);

  /// Runs forward; `isContinued` goes on from the call before. `firstStep` counts for what draws.
  SequenceResult forward(const SequenceInput &input, bool isContinued, int64_t firstStep);
  Gradients backward(const GivenAdjoints &adjoints);
  /// The last forward and backward calls again, with the same arguments.
  void again();
  Layer &getLayer() { return layer; }
  /// Limits the memory of tapes from the next forward call on; its results have no states.
  void limitMemory(int64_t bytes) { memoryLimit = bytes; }

private:
  Elements write(const SeriesView &series, bool isPerSequence) const;

  const cellwright_kernel &kernel;
  ThreadPool pool;
  Layer layer;
  Format format;
  Batch batch;
  int64_t memoryLimit = kNoMemoryLimit;
  ForwardArguments forwardArguments;
  BackwardArguments backwardArguments;
  std::vector<std::vector<std::byte>> params, firstStates, finals, initialAdjoints, paramGradients;
  std::vector<uint8_t> resets;
  std::vector<Series> inputs, inputAdjoints, stateAdjoints;
  Series outputAdjoint;
};

} // namespace cellwright
