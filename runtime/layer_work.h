// The inside of a layer: buffers, stages and states, each in a file of its own. For layer*.cpp.
#pragma once

#include "runtime/layer.h"

namespace cellwright {

/// How many steps a buffer's memory has, and so from which one they count.
enum class StepsOf : uint8_t { Call, Segment, Block };

/// How a buffer's pointer moves with the step.
struct BufferBinding {
  std::byte *base = nullptr; // at the first step of the buffer's memory
  int64_t panelStride = 0;
  int64_t stepBytes = 0; // 0: the same rows at every step
  StepsOf stepsOf = StepsOf::Call;
};

/// The entry of a caller's list, or nothing: lists may be left out.
template <typename Entry> Entry entryOf(const std::vector<Entry> &list, size_t i) {
  return i < list.size() ? list[i] : Entry{};
}

/// Copies a row of one series to a row of another of the same shape.
void copyRow(const SeriesView &from, int64_t fromRow, const SeriesView &to, int64_t toRow);
/// Copies rows [begin, end) to the same rows of another series of the same shape.
void copyRows(const SeriesView &from, const SeriesView &to, int64_t begin, int64_t end);
/// Zeros in rows [begin, end).
void clearRows(const SeriesView &series, int64_t begin, int64_t end);
/// The first rows of a series.
SeriesView firstRows(const SeriesView &series, int64_t rows);

struct Layer::Work {
  Work(const cellwright_kernel &kernel, ThreadPool &threads);

  //===-- Arguments (layer_arguments.cpp): throw Error for a caller's mistake -----------------===//

  void checkForward(const ForwardArguments &arguments);
  TapePlan planOrThrow(const ForwardArguments &arguments);
  void checkBackward(const BackwardArguments &arguments) const;
  void checkBatch(const Batch &batch);
  void checkIndices(int input, const SeriesView &view, const Batch &batch) const;
  void checkView(const SeriesView &view, int64_t rows, int64_t columns, std::string_view what,
                 std::string_view name) const;
  template <typename List>
  void checkCount(const List &list, int count, std::string_view what) const;
  bool hasBuffer(cellwright_role role, int index) const;

  //===-- Buffers (layer_buffers.cpp) ---------------------------------------------------------===//

  void resize(const ForwardArguments &arguments, const TapePlan &newPlan);
  void bindUpdateValues();
  void bindStates(bool hasResets);
  void bind(int buffer, const SeriesView &view, bool movesWithStep, StepsOf stepsOf);
  void bindRole(cellwright_role role, int index, const SeriesView &view, bool movesWithStep,
                StepsOf stepsOf);
  void bindInput(int index, const SeriesView &view);
  void bindAdjoints(const BackwardArguments &arguments);
  cellwright_buffer *tableAt(int64_t step, int64_t blockBegin, int thread);

  //===-- Segments (layer_segments.cpp) -------------------------------------------------------===//

  template <typename Visit> void forTape(bool hasResets, const Visit &visit);
  int64_t heldTapeBytes();
  void dropExcess(bool hasResets, int64_t limit);
  void enterSegment(int64_t newSegment, bool newIsTaped);
  void keepStates(int64_t next);
  void restoreStates();
  void runForward();
  void runBackward();
  void forwardSegments();
  void backwardSegments();
  /// True if the memory of a state has all steps, not those of a segment.
  bool isWhole(int state) const { return plan.segments == 1 || state == kernel.output_state; }
  /// The states before a step, which may be the one after a segment's last.
  SeriesView statesAt(int state, int64_t step) const {
    int64_t first = isWhole(state) ? 0 : segmentBegin;
    return states[state].view().from((step - first) * batch.sequences);
  }

  //===-- Stages (layer_stages.cpp) -----------------------------------------------------------===//

  void runStage(cellwright_stage stage, int thread, int64_t blockBegin, int64_t blockEnd);
  void runRows(std::span<const int> phases, int thread, int64_t blockBegin, int64_t blockEnd);
  void runSteps(std::span<const int> phases, int thread, int64_t blockBegin, int64_t blockEnd);
  void runSums(cellwright_stage stage, int thread, int64_t blockBegin, int64_t blockEnd);
  void runSequences(cellwright_stage stage);
  void runUpdate(cellwright_stage stage);
  void callPhase(int index, const cellwright_buffer *table, const cellwright_call &call,
                 int thread);
  bool dividesColumns(cellwright_stage stage) const;
  void runStep(cellwright_stage stage, int64_t step, const cellwright_buffer *table,
               bool isByColumns, int thread);
  void runForwardCore(int thread, int64_t blockBegin, int64_t blockEnd);
  void runBackwardCore(int thread, int64_t blockBegin, int64_t blockEnd);
  bool isSkipped(const cellwright_phase_info &phase) const {
    return phase.for_inputs && !wantsInputAdjoints;
  }
  bool isRaggedBlock(int64_t blockEnd) const {
    return batch.activeRows(blockEnd - 1) != batch.sequences;
  }

  //===-- States (layer_states.cpp) -----------------------------------------------------------===//

  void beginStates(const ForwardArguments &arguments);
  void carryEnded(int64_t begin, int64_t end);
  void resetStates(int64_t step, int64_t rowBegin, int64_t rowEnd);
  void beginAdjoints(const BackwardArguments &arguments);
  void endAdjoints(const BackwardArguments &arguments);
  void resetAdjoints(int64_t step, int64_t rowBegin, int64_t rowEnd);
  SeriesView previousStates(int state, int64_t step) const;
  /// Where the adjoint of a state comes from at a step and goes to. Even steps read A and write B,
  /// odd ones the other way: no phase overwrites what another still reads.
  const SeriesView &adjointAfter(int state, int64_t step) const {
    return (step % 2 == 0 ? carryA : carryB)[state].view();
  }
  const SeriesView &adjointBefore(int state, int64_t step) const {
    return (step % 2 == 0 ? carryB : carryA)[state].view();
  }

  const cellwright_kernel &kernel;
  ThreadPool &threads;
  Format format;
  int64_t blockSteps = 1, backwardBlockSteps = 1;

  Batch batch;
  bool hasParams = false;
  bool hasTape = false;
  TapeShape tapeShape;
  std::vector<int> tapeBuffers; // of the kernel's own
  TapePlan plan;
  int64_t segment = 0;      // whose steps the memory of a segment has
  int64_t segmentBegin = 0; // its first step
  bool isTaped = false;     // its tape is there
  TapeSpan plannedSpan;     // of the last plan, and its limit
  int64_t plannedLimit = 0;
  std::optional<TapePlan> planned;
  bool isContinued = false;
  bool wantsInputAdjoints = true;
  std::vector<uint8_t> resets; // [T, N] by row; empty: none
  uint32_t firstStep = 0;
  uint64_t seed = 0;
  std::vector<int32_t> sequences; // the caller's number of each row

  std::vector<BufferBinding> bindings;
  std::vector<std::vector<cellwright_buffer>> tables; // per thread: what its phases see
  AlignedBytes updateValues;                          // of the buffers that an update computes
  std::vector<Series> memory;                         // of the buffers that are the layer's own
  // Per state: T + 1 rows of N, and T more where resets cut; of a segment where there are several.
  std::vector<Series> states, previous;
  std::vector<Series> kept;    // per state: N rows before each segment
  std::vector<Series> initial; // per state: what a reset restores
  std::vector<Series> carried; // per state: where the last call ended, in the caller's order
  std::vector<Series> zeros;   // per buffer of the caller that may be absent
  std::vector<Series> carryA, carryB, resetSums; // per state: adjoints on their way back
  std::vector<std::vector<int>> stagePhases;     // phases of each stage
  std::vector<PhaseTime> *phaseTimes = nullptr;  // where they are measured
  std::vector<uint8_t> seen;                     // scratch: sequences that a batch has named
};

} // namespace cellwright
