// States on their way through time, and their adjoints on the way back.
#include "runtime/layer_work.h"

#include <cstring>

namespace cellwright {

//===-- Rows ----------------------------------------------------------------------------------===//

static std::byte *panelOf(const SeriesView &series, int64_t panel) {
  return static_cast<std::byte *>(series.data) +
         panel * series.panelStride * series.format.elementBytes();
}

void copyRow(const SeriesView &from, int64_t fromRow, const SeriesView &to, int64_t toRow) {
  int64_t rowBytes = from.rowStride() * from.format.elementBytes();
  for (int64_t panel = 0; panel < from.format.panels(from.columns); ++panel)
    std::memcpy(panelOf(to, panel) + toRow * rowBytes, panelOf(from, panel) + fromRow * rowBytes,
                static_cast<size_t>(rowBytes));
}

void copyRows(const SeriesView &from, const SeriesView &to, int64_t begin, int64_t end) {
  int64_t rowBytes = from.rowStride() * from.format.elementBytes();
  for (int64_t panel = 0; panel < from.format.panels(from.columns); ++panel)
    std::memcpy(panelOf(to, panel) + begin * rowBytes, panelOf(from, panel) + begin * rowBytes,
                static_cast<size_t>((end - begin) * rowBytes));
}

void clearRows(const SeriesView &series, int64_t begin, int64_t end) {
  int64_t rowBytes = series.rowStride() * series.format.elementBytes();
  for (int64_t panel = 0; panel < series.format.panels(series.columns); ++panel)
    std::memset(panelOf(series, panel) + begin * rowBytes, 0,
                static_cast<size_t>((end - begin) * rowBytes));
}

SeriesView firstRows(const SeriesView &series, int64_t rows) {
  SeriesView first = series;
  first.rows = rows;
  return first;
}

//===-- Forward -------------------------------------------------------------------------------===//

/// Where the states before a step stand if resets cut them off from those after the step before.
SeriesView Layer::Work::previousStates(int state, int64_t step) const {
  return previous[state].view().from((step - segmentBegin) * batch.sequences);
}

void Layer::Work::beginStates(const ForwardArguments &arguments) {
  int64_t N = batch.sequences;
  isContinued = arguments.isContinued;
  for (int s = 0; s < kernel.state_count; ++s) {
    initial[s].resize(format, N, kernel.states[s].size);
    if (const void *given = entryOf(arguments.initialStates, static_cast<size_t>(s)))
      readSequences(given, batch, initial[s].view());
    else
      initial[s].clear();
    SeriesView first = firstRows(states[s].view(), N);
    if (!isContinued)
      copyRows(initial[s].view(), first, 0, N);
    for (int64_t row = 0; row < N && isContinued; ++row)
      copyRow(carried[s].view(), batch.caller(row), first, row);
    carried[s].resize(format, N, kernel.states[s].size);
  }
}

/// Carries on from the sequences that end within these steps.
void Layer::Work::carryEnded(int64_t begin, int64_t end) {
  for (int64_t row = 0; row < batch.sequences; ++row) {
    int64_t length = batch.length(row);
    bool isEmpty = length == 0 && begin == 0;
    if ((length <= begin && !isEmpty) || length > end)
      continue;
    for (int s = 0; s < kernel.state_count; ++s)
      copyRow(statesAt(s, length), row, carried[s].view(), batch.caller(row));
  }
}

/// With resets the states before a step are a copy of those after the step before, or of the
/// initial ones.
void Layer::Work::resetStates(int64_t step, int64_t rowBegin, int64_t rowEnd) {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    SeriesView target = previousStates(s, step);
    copyRows(statesAt(s, step), target, rowBegin, rowEnd);
    for (int64_t row = rowBegin; row < rowEnd; ++row)
      if (resets[step * N + row])
        copyRow(initial[s].view(), row, target, row);
  }
}

//===-- Backward ------------------------------------------------------------------------------===//

void Layer::Work::beginAdjoints(const BackwardArguments &arguments) {
  for (int s = 0; s < kernel.state_count; ++s) {
    for (Series *series : {&carryA[s], &carryB[s], &resetSums[s]}) {
      series->resize(format, batch.sequences, kernel.states[s].size);
      series->clear();
    }
    // A sequence that has ended takes no part: what it brings from its end waits in both buffers.
    if (const void *final = entryOf(arguments.finalAdjoints, static_cast<size_t>(s))) {
      readSequences(final, batch, carryA[s].view());
      readSequences(final, batch, carryB[s].view());
    }
  }
}

/// Adjoints of states that a reset cut off belong to the initial states.
void Layer::Work::resetAdjoints(int64_t step, int64_t rowBegin, int64_t rowEnd) {
  const Batch one{1, 1, {}, {}};
  for (int64_t row = rowBegin; row < rowEnd; ++row) {
    if (!resets[step * batch.sequences + row])
      continue;
    for (int s = 0; s < kernel.state_count; ++s) {
      SeriesView carry = firstRows(adjointBefore(s, step).from(row), 1);
      copySteps(carry, one, firstRows(resetSums[s].view().from(row), 1), 0, 0,
                kernel.states[s].size, false, /*isAdded=*/true);
      clearRows(carry, 0, 1);
    }
  }
}

/// Zeros for what sequences without a step bring, and what reaches the initial states: by resets,
/// and by the first step unless that went on from an earlier call.
void Layer::Work::endAdjoints(const BackwardArguments &arguments) {
  for (int i = 0; i < kernel.input_count; ++i) {
    SeriesView adjoint = entryOf(arguments.inputAdjoints, static_cast<size_t>(i));
    if (kernel.inputs[i].per_sequence && adjoint.data)
      clearRows(adjoint, batch.activeRows(0), batch.sequences);
  }
  const Batch rows{1, batch.sequences, {}, {}};
  for (int s = 0; s < kernel.state_count; ++s) {
    void *wanted = entryOf(arguments.initialAdjoints, static_cast<size_t>(s));
    if (!wanted)
      continue;
    if (!isContinued)
      copySteps(adjointBefore(s, 0), rows, resetSums[s].view(), 0, 0, kernel.states[s].size, false,
                /*isAdded=*/true);
    writeSequences(resetSums[s].view(), batch, wanted);
  }
}

} // namespace cellwright
