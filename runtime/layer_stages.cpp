// The stages of a kernel over blocks of steps, divided among threads.
#include "runtime/layer_work.h"

#include <algorithm>
#include <optional>

namespace cellwright {

static void callPhase(const cellwright_phase_info &phase, const cellwright_buffer *table,
                      const cellwright_call &call) {
  if (call.row_begin < call.row_end && call.tile_begin < call.tile_end)
    phase.run(table, &call);
}

/// Stages of a block that own rows: all rows at once, or step by step where a phase needs to know
/// its step or sequences have ended.
void Layer::Work::runStage(cellwright_stage stage, int thread, int64_t blockBegin,
                           int64_t blockEnd) {
  int64_t N = batch.sequences;
  bool isRagged = isRaggedBlock(blockEnd);
  std::optional<bool> wasWhole;
  for (int index : stagePhases[stage]) {
    const cellwright_phase_info &phase = kernel.phases[index];
    if (isSkipped(phase))
      continue;
    bool isWhole = !phase.per_step && !isRagged;
    // Rows of a block and rows of its steps are divided differently: a phase may then read what
    // another thread has made.
    if (wasWhole && *wasWhole != isWhole)
      threads.barrier();
    wasWhole = isWhole;
    if (isWhole) {
      auto [begin, end] = partition((blockEnd - blockBegin) * N, threads.size(), thread);
      callPhase(phase, tableAt(blockBegin, blockBegin, thread),
                {begin, end, 0, phase.tiles, sequences.data(), seed, 0});
      continue;
    }
    auto [begin, end] = partition(N, threads.size(), thread);
    for (int64_t step = blockBegin; step < blockEnd; ++step)
      callPhase(phase, tableAt(step, blockBegin, thread),
                {begin, std::min(end, batch.activeRows(step)), 0, phase.tiles, sequences.data(),
                 seed, firstStep + static_cast<uint32_t>(step)});
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
      callPhase(phase, tableAt(blockBegin, blockBegin, thread),
                {0, (blockEnd - blockBegin) * N, begin, end, sequences.data(), seed, 0});
      continue;
    }
    for (int64_t step = blockEnd - 1; step >= blockBegin; --step)
      callPhase(phase, tableAt(step, blockBegin, thread),
                {0, batch.activeRows(step), begin, end, sequences.data(), seed, 0});
  }
}

/// Stages whose rows are sequences.
void Layer::Work::runSequences(cellwright_stage stage) {
  if (stagePhases[stage].empty())
    return;
  bool isSum = stage == CELLWRIGHT_GRADIENT_SEQUENCE;
  threads.run([&](int thread) {
    const cellwright_buffer *table = tableAt(0, 0, thread);
    for (int index : stagePhases[stage]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      if (isSkipped(phase))
        continue;
      auto [rowBegin, rowEnd] = isSum ? std::pair<int64_t, int64_t>(0, batch.sequences)
                                      : partition(batch.sequences, threads.size(), thread);
      auto [tileBegin, tileEnd] = isSum ? partition(phase.tiles, threads.size(), thread)
                                        : std::pair<int64_t, int64_t>(0, phase.tiles);
      callPhase(phase, table, {rowBegin, rowEnd, tileBegin, tileEnd, sequences.data(), seed, 0});
    }
  });
}

void Layer::Work::runUpdate(cellwright_stage stage) {
  const cellwright_buffer *table = tableAt(0, 0, 0);
  for (int index : stagePhases[stage])
    callPhase(kernel.phases[index], table, {0, 1, 0, 1, nullptr, seed, 0});
}

void Layer::Work::runForwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  cellwright_buffer *table = tableAt(blockBegin, blockBegin, thread);
  for (int64_t step = blockBegin; step < blockEnd; ++step) {
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    if (!resets.empty() && begin < rowEnd)
      resetStates(step, begin, rowEnd);
    for (int index : stagePhases[CELLWRIGHT_FORWARD_CORE]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      callPhase(phase, table,
                {begin, rowEnd, 0, phase.tiles, sequences.data(), seed,
                 firstStep + static_cast<uint32_t>(step)});
    }
    for (size_t i = 0; i < bindings.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) + bindings[i].stepBytes;
  }
}

void Layer::Work::runBackwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
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
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    for (int index : stagePhases[CELLWRIGHT_BACKWARD_CORE]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      callPhase(phase, table,
                {begin, rowEnd, 0, phase.tiles, sequences.data(), seed,
                 firstStep + static_cast<uint32_t>(step)});
    }
    if (!resets.empty() && begin < rowEnd)
      resetAdjoints(step, begin, rowEnd);
    for (size_t i = 0; i < bindings.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) - bindings[i].stepBytes;
  }
}

} // namespace cellwright
