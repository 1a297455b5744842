// One cell over a sequence: owns the buffers of a kernel and drives its stages through time,
// forward and backward (Werbos 1990, "Backpropagation through time"). What one gets wrong: a layer
// keeps the tape of its last forward call only, and `backward` belongs to that call.
#pragma once

#include "runtime/kernel_abi.h"
#include "runtime/series.h"
#include "runtime/tape_plan.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace cellwright {

/// What a forward call gets. Pointers may be shared; nothing is kept but what `backward` is said to
/// read.
struct ForwardArguments {
  Batch batch;
  /// One per input of the cell: rows of steps, or of sequences. Must stay until `backward`.
  std::vector<SeriesView> inputs;
  /// What the states start with and what a reset restores: one per state, row-major [N, d] in the
  /// caller's order, or null: zeros.
  std::vector<const void *> initialStates;
  /// [T, N] in the caller's order, nonzero: the states start again before this step. Null: never.
  const uint8_t *resets = nullptr;
  /// The states start where the last call ended, each sequence at its own end; resets still restore
  /// `initialStates`. The batch must have the same number of sequences.
  bool isContinued = false;
  /// Keeps what `backward` needs.
  bool keepsTape = false;
  /// Bytes that the tape may take, if it is kept: tape_plan.h says how and what counts. Gradients
  /// are the same bits with any limit; `backward` runs parts of the forward pass again, with the
  /// same parameters, and only the state that is the output can be read with `Layer::state`.
  int64_t memoryLimit = kNoMemoryLimit;
  /// For the functions that draw: number of the first step, and seed.
  uint32_t firstStep = 0;
  uint64_t seed = 0;
};

/// What a backward call gets and gives. Null or absent: zeros in, not computed out.
struct BackwardArguments {
  SeriesView outputAdjoint; // data null: zeros
  std::vector<SeriesView>
      stateAdjoints; // per state: direct adjoints of each step; only for kernels that take them
  std::vector<const void *> finalAdjoints; // per state, row-major [N, d]
  std::vector<void *> paramGradients;      // per parameter, dense; required, null for frozen ones
  std::vector<SeriesView> inputAdjoints;   // per input: written; data null: not computed
  /// Per state, row-major [N, d]: written. After a call that went on from another only what resets
  /// bring: nothing goes back into the earlier call.
  std::vector<void *> initialAdjoints;
};

/// Where the time of a layer's calls goes: an entry per phase of the kernel.
struct PhaseTime {
  int64_t calls = 0;
  double seconds = 0;
};

class Layer {
public:
  /// The kernel must outlive the layer. Throws Error if its ABI version is another.
  Layer(const cellwright_kernel &kernel, ThreadPool &threads);
  ~Layer();
  Layer(Layer &&) noexcept;

  const cellwright_kernel &kernel() const;
  Format format() const;

  /// Takes parameters, dense and row-major, one pointer per parameter; they are read now and at
  /// each `forward` and `backward` that uses a value of them, so they must stay. Call again when
  /// they changed.
  void setParams(std::span<const void *const> params);

  /// Runs all steps. Cost: no allocation if the last call was of the same size. Throws Error if an
  /// argument does not fit the kernel, or the tape not the limit on its memory.
  void forward(const ForwardArguments &arguments);
  /// Goes back over the last forward call, which must have kept its tape. Cost and errors as there.
  void backward(const BackwardArguments &arguments);

  /// Results of the last forward call, valid until the next: the output and the states after each
  /// step, T * N rows in the batch's order; rows beyond a sequence's end are arbitrary. Throws
  /// Error for a state of which a limit on memory left parts only.
  SeriesView output() const;
  SeriesView state(int index) const;
  /// States at each sequence's own end, row-major [N, d] in the caller's order.
  void finalState(int index, void *rowMajor) const;
  /// States with which `isContinued` goes on, the last call's or those that were set: for
  /// checkpoints. Row-major [N, d] in the caller's order.
  void carriedState(int index, void *rowMajor) const;
  void setCarriedState(int index, const void *rowMajor, int64_t sequences);

  /// From now on adds to `times`, one entry per phase, what the first thread spends in each; null
  /// stops that. Costs two readings of the clock per call of a phase.
  void measurePhases(std::vector<PhaseTime> *times);

  /// What a call over `span` keeps under a limit on its memory; none if even the smallest plan does
  /// not fit.
  std::optional<TapePlan> planTape(const TapeSpan &span, int64_t memoryLimit) const;
  const TapeShape &tapeShape() const;
  /// Bytes that the series of the tape and of kept states hold now.
  int64_t heldTapeBytes() const;
  /// True if the threads divided the columns of the last call's steps, false if the rows; of the
  /// recurrence, forward or backward.
  bool dividesColumns(cellwright_stage core) const;

private:
  struct Work;
  std::unique_ptr<Work> work;
};

} // namespace cellwright
