// Segments of a call, see tape_plan.h: memory that all of them share, states kept before each, and
// the stages over one of them, forward once or twice and backward.
#include "runtime/layer_work.h"

#include <algorithm>

namespace cellwright {

//===-- Memory --------------------------------------------------------------------------------===//

/// Calls `visit(series, rows, columns)` for all series of tape and kept states, with the rows that
/// the plan gives them.
template <typename Visit> void Layer::Work::forTape(bool hasResets, const Visit &visit) {
  int64_t N = batch.sequences, K = plan.segmentSteps;
  for (int s = 0; s < kernel.state_count; ++s) {
    int64_t columns = kernel.states[s].size;
    visit(previous[s], hasResets ? K * N : 0, columns);
    visit(kept[s], s == kernel.output_state ? 0 : plan.keptStates() * N, columns);
    if (s != kernel.output_state)
      visit(states[s], (K + 1) * N, columns);
  }
  for (int buffer : tapeBuffers)
    visit(memory[buffer], K * N, kernel.buffers[buffer].columns);
}

int64_t Layer::Work::heldTapeBytes() {
  int64_t bytes = 0;
  forTape(false, [&](Series &series, int64_t, int64_t) { bytes += series.heldBytes(); });
  return bytes;
}

/// Series keep the memory of larger calls before. Where that would be more than the limit they
/// begin anew.
void Layer::Work::dropExcess(bool hasResets, int64_t limit) {
  int64_t bytes = 0;
  forTape(hasResets, [&](Series &series, int64_t rows, int64_t columns) {
    bytes += std::max(series.heldBytes(), rows == 0 ? 0 : seriesBytes(format, rows, columns));
  });
  if (bytes > limit)
    forTape(hasResets, [](Series &series, int64_t, int64_t) { series.release(); });
}

/// From now on the memory of a segment has the steps of this one. What is not `isTaped` writes
/// where the cache has it still: to the rows of a block.
void Layer::Work::enterSegment(int64_t newSegment, bool newIsTaped) {
  segment = newSegment;
  segmentBegin = plan.begin(segment);
  isTaped = newIsTaped;
  for (int buffer : tapeBuffers)
    bindings[buffer].stepsOf = isTaped ? StepsOf::Segment : StepsOf::Block;
}

/// The states with which the next segment begins go from the end of the memory to its start, and to
/// where they stay.
void Layer::Work::keepStates(int64_t next) {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    if (isWhole(s))
      continue;
    SeriesView last = statesAt(s, plan.begin(next));
    if (next > 0)
      copyRows(last, states[s].view(), 0, N);
    copyRows(last, kept[s].view().from(next * N), 0, N);
  }
}

void Layer::Work::restoreStates() {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s)
    if (!isWhole(s))
      copyRows(kept[s].view().from(segment * N), states[s].view(), 0, N);
}

//===-- Stages --------------------------------------------------------------------------------===//

void Layer::Work::runForward() {
  int64_t begin = segmentBegin, end = plan.end(segment);
  threads.run([&](int thread) {
    for (int64_t block = begin; block < end; block += blockSteps) {
      int64_t blockEnd = std::min(block + blockSteps, end);
      runStage(CELLWRIGHT_FORWARD_BEFORE, thread, block, blockEnd);
      threads.barrier();
      runForwardCore(thread, block, blockEnd);
      threads.barrier();
      runStage(CELLWRIGHT_FORWARD_AFTER, thread, block, blockEnd);
      threads.barrier();
    }
  });
}

void Layer::Work::runBackward() {
  int64_t begin = segmentBegin, end = plan.end(segment);
  // Segments are whole blocks, but for the last block of a call.
  int64_t blocks = (end - begin + backwardBlockSteps - 1) / backwardBlockSteps;
  threads.run([&](int thread) {
    for (int64_t number = blocks - 1; number >= 0; --number) {
      int64_t block = begin + number * backwardBlockSteps;
      int64_t blockEnd = std::min(block + backwardBlockSteps, end);
      runStage(CELLWRIGHT_BACKWARD_BEFORE, thread, block, blockEnd);
      threads.barrier();
      runBackwardCore(thread, block, blockEnd);
      threads.barrier();
      runStage(CELLWRIGHT_BACKWARD_AFTER, thread, block, blockEnd);
      threads.barrier();
      runSums(CELLWRIGHT_GRADIENT, thread, block, blockEnd);
      threads.barrier();
    }
  });
}

void Layer::Work::forwardSegments() {
  enterSegment(0, false);
  for (int64_t next = 0; next < plan.segments; ++next) {
    keepStates(next);
    enterSegment(next, hasTape && next + 1 == plan.segments);
    runForward();
    carryEnded(segmentBegin, plan.end(segment));
  }
}

void Layer::Work::backwardSegments() {
  for (int64_t number = plan.segments - 1; number >= 0; --number) {
    // The last segment's tape is there, unless a backward call before has replaced it.
    if (number != segment || !isTaped) {
      enterSegment(number, /*newIsTaped=*/true);
      restoreStates();
      runForward();
    }
    runBackward();
  }
}

} // namespace cellwright
