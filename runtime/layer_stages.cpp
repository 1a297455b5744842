// The stages of a kernel over blocks of steps, divided among threads.
#include "runtime/blocks.h"
#include "runtime/clock.h"
#include "runtime/layer_work.h"

#include <algorithm>
#include <chrono>
#include <tuple>

namespace cellwright {

void Layer::Work::callPhase(int index, const cellwright_buffer *table, const cellwright_call &call,
                            int thread) {
  if (call.row_begin >= call.row_end || call.tile_begin >= call.tile_end)
    return;
  if (!phaseTimes || thread != 0)
    return kernel.phases[index].run(table, &call);
  auto begin = std::chrono::steady_clock::now();
  kernel.phases[index].run(table, &call);
  double seconds = secondsSince(begin);
  PhaseTime &time = (*phaseTimes)[index];
  ++time.calls;
  time.seconds += seconds;
}

//===-- Who does what in a step ---------------------------------------------------------------===//

/// Seconds of a step of the recurrence, roughly, on any processor of today: only which of two ways
/// is cheaper depends on it.
static double stepSeconds(const cellwright_kernel &kernel, const std::vector<int> &phases,
                          int64_t rows, double weightPart, bool hasBarriers) {
  constexpr double kFlopsPerSecond = 100e9, kBytesPerSecond = 80e9, kBarrierSeconds = 0.3e-6;
  double seconds = 0;
  for (int index : phases) {
    const cellwright_phase_info &phase = kernel.phases[index];
    double products = static_cast<double>(phase.flops_per_row * rows) / kFlopsPerSecond;
    double weights = static_cast<double>(phase.weight_bytes) / kBytesPerSecond;
    seconds += weightPart * std::max(products, weights) + (hasBarriers ? kBarrierSeconds : 0);
  }
  return seconds;
}

/// Threads divide the rows of a step, or, where there are few, its columns: then each reads its
/// part of the weights only, and all wait for each other after each phase.
bool Layer::Work::dividesColumns(cellwright_stage stage) const {
  int count = threads.size();
  if (count == 1)
    return false;
  int64_t rows = (batch.sequences + count - 1) / count;
  double byRows = stepSeconds(kernel, stagePhases[stage], rows, 1, false);
  double byColumns = stepSeconds(kernel, stagePhases[stage], batch.sequences, 1.0 / count, true);
  return byColumns < byRows;
}

/// One step of the recurrence, as far as a thread does it.
void Layer::Work::runStep(cellwright_stage stage, int64_t step, const cellwright_buffer *table,
                          bool isByColumns, int thread) {
  int count = threads.size();
  int64_t active = batch.activeRows(step);
  auto [rowBegin, rowEnd] = partition(batch.sequences, count, thread);
  for (int index : stagePhases[stage]) {
    const cellwright_phase_info &phase = kernel.phases[index];
    cellwright_call call = {rowBegin,
                            std::min(rowEnd, active),
                            0,
                            phase.tiles,
                            sequences.data(),
                            seed,
                            firstStep + static_cast<uint32_t>(step)};
    // A phase along rows cannot be divided by columns.
    if (isByColumns && phase.tiles > 1) {
      call.row_begin = 0;
      call.row_end = active;
      std::tie(call.tile_begin, call.tile_end) = partition(phase.tiles, count, thread);
    }
    callPhase(index, table, call, thread);
    if (isByColumns)
      threads.barrier();
  }
}

//===-- Stages --------------------------------------------------------------------------------===//

/// Stages of a block that own rows: all rows at once, or step by step where a phase needs to know
/// its step or sequences have ended.
void Layer::Work::runStage(cellwright_stage stage, int thread, int64_t blockBegin,
                           int64_t blockEnd) {
  std::vector<int> &phases = stagePhases[stage];
  bool isRagged = isRaggedBlock(blockEnd);
  auto isWhole = [&](int index) { return !kernel.phases[index].per_step && !isRagged; };
  for (size_t first = 0, last; first < phases.size(); first = last) {
    // Rows of a block and rows of its steps are divided differently: a phase may then read what
    // another thread has made.
    if (first > 0)
      threads.barrier();
    bool isWholeRun = isWhole(phases[first]);
    for (last = first + 1; last < phases.size() && isWhole(phases[last]) == isWholeRun;)
      ++last;
    std::span run(phases.data() + first, last - first);
    if (isWholeRun)
      runRows(run, thread, blockBegin, blockEnd);
    else
      runSteps(run, thread, blockBegin, blockEnd);
  }
}

/// Phases for all rows of a block. A chunk of rows goes through all of them before the next: what
/// one phase leaves is then still in the second cache when the next reads it, once per column tile.
void Layer::Work::runRows(std::span<const int> phases, int thread, int64_t blockBegin,
                          int64_t blockEnd) {
  auto [begin, end] = partition((blockEnd - blockBegin) * batch.sequences, threads.size(), thread);
  const cellwright_buffer *table = tableAt(blockBegin, blockBegin, thread);
  for (int64_t row = begin; row < end; row += CELLWRIGHT_CHUNK_ROWS)
    for (int index : phases)
      if (!isSkipped(kernel.phases[index]))
        callPhase(index, table,
                  {row, std::min(row + CELLWRIGHT_CHUNK_ROWS, end), 0, kernel.phases[index].tiles,
                   sequences.data(), seed, 0},
                  thread);
}

void Layer::Work::runSteps(std::span<const int> phases, int thread, int64_t blockBegin,
                           int64_t blockEnd) {
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  for (int index : phases) {
    if (isSkipped(kernel.phases[index]))
      continue;
    for (int64_t step = blockBegin; step < blockEnd; ++step)
      callPhase(index, tableAt(step, blockBegin, thread),
                {begin, std::min(end, batch.activeRows(step)), 0, kernel.phases[index].tiles,
                 sequences.data(), seed, firstStep + static_cast<uint32_t>(step)},
                thread);
  }
}

/// Sums over rows: each thread owns tiles of the result.
void Layer::Work::runSums(cellwright_stage stage, int thread, int64_t blockBegin,
                          int64_t blockEnd) {
  int64_t N = batch.sequences;
  bool isStepwise = isRaggedBlock(blockEnd);
  for (int index : stagePhases[stage]) {
    const cellwright_phase_info &phase = kernel.phases[index];
    auto [begin, end] = partition(phase.tiles, threads.size(), thread);
    if (!isStepwise && !phase.per_step) {
      callPhase(index, tableAt(blockBegin, blockBegin, thread),
                {0, (blockEnd - blockBegin) * N, begin, end, sequences.data(), seed, 0}, thread);
      continue;
    }
    for (int64_t step = blockEnd - 1; step >= blockBegin; --step)
      callPhase(index, tableAt(step, blockBegin, thread),
                {0, batch.activeRows(step), begin, end, sequences.data(), seed, 0}, thread);
  }
}

/// Stages whose rows are sequences. Those without a step take no part: what they bring may be NaN.
void Layer::Work::runSequences(cellwright_stage stage) {
  if (stagePhases[stage].empty())
    return;
  bool isSum = stage == CELLWRIGHT_GRADIENT_SEQUENCE;
  int64_t rows = batch.activeRows(0);
  threads.run([&](int thread) {
    const cellwright_buffer *table = tableAt(0, 0, thread);
    for (int index : stagePhases[stage]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      if (isSkipped(phase))
        continue;
      auto [rowBegin, rowEnd] =
          isSum ? std::pair<int64_t, int64_t>(0, rows) : partition(rows, threads.size(), thread);
      auto [tileBegin, tileEnd] = isSum ? partition(phase.tiles, threads.size(), thread)
                                        : std::pair<int64_t, int64_t>(0, phase.tiles);
      callPhase(index, table, {rowBegin, rowEnd, tileBegin, tileEnd, sequences.data(), seed, 0},
                thread);
    }
  });
}

void Layer::Work::runUpdate(cellwright_stage stage) {
  const cellwright_buffer *table = tableAt(0, 0, 0);
  for (int index : stagePhases[stage])
    callPhase(index, table, {0, 1, 0, 1, nullptr, seed, 0}, 0);
}

void Layer::Work::runForwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
  bool isByColumns = dividesColumns(CELLWRIGHT_FORWARD_CORE);
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  cellwright_buffer *table = tableAt(blockBegin, blockBegin, thread);
  for (int64_t step = blockBegin; step < blockEnd; ++step) {
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    if (!resets.empty() && begin < rowEnd)
      resetStates(step, begin, rowEnd);
    if (!resets.empty() && isByColumns)
      threads.barrier();
    runStep(CELLWRIGHT_FORWARD_CORE, step, table, isByColumns, thread);
    for (size_t i = 0; i < bindings.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) + bindings[i].stepBytes;
  }
}

void Layer::Work::runBackwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
  bool isByColumns = dividesColumns(CELLWRIGHT_BACKWARD_CORE);
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  cellwright_buffer *table = tableAt(blockEnd - 1, blockBegin, thread);
  for (int64_t step = blockEnd - 1; step >= blockBegin; --step) {
    for (size_t i = 0; i < bindings.size(); ++i) {
      const cellwright_buffer_info &info = kernel.buffers[i];
      if (info.role != CELLWRIGHT_ADJOINT_NEXT && info.role != CELLWRIGHT_ADJOINT_STATE)
        continue;
      const SeriesView &view = info.role == CELLWRIGHT_ADJOINT_NEXT
                                   ? adjointAfter(info.index, step)
                                   : adjointBefore(info.index, step);
      table[i] = {view.data, view.panelStride};
    }
    runStep(CELLWRIGHT_BACKWARD_CORE, step, table, isByColumns, thread);
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    if (!resets.empty() && begin < rowEnd)
      resetAdjoints(step, begin, rowEnd);
    if (!resets.empty() && isByColumns)
      threads.barrier();
    for (size_t i = 0; i < bindings.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) - bindings[i].stepBytes;
  }
}

} // namespace cellwright
