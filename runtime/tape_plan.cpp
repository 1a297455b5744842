// See tape_plan.h.
#include "runtime/tape_plan.h"

#include "fmt/format.h"
#include "runtime/blocks.h"

#include <algorithm>

namespace cellwright {

int64_t backwardBlockSteps(int64_t sequences) {
  return std::clamp<int64_t>(CELLWRIGHT_BACKWARD_BLOCK_ROWS / sequences, 1,
                             CELLWRIGHT_MOST_BLOCK_STEPS);
}

//===-- What a cell keeps ---------------------------------------------------------------------===//

int64_t TapeShape::bytesPerStep() const {
  int64_t columns = 0;
  for (size_t s = 0; s < states.size(); ++s)
    columns += static_cast<int>(s) == outputState ? 0 : std::max<int64_t>(states[s], 1);
  for (int64_t value : values)
    columns += std::max<int64_t>(value, 1);
  return columns * format.elementBytes();
}

TapeShape tapeShapeOf(const cellwright_kernel &kernel) {
  TapeShape shape;
  shape.format = {static_cast<cellwright_type>(kernel.type), kernel.width};
  shape.outputState = kernel.output_state;
  for (int s = 0; s < kernel.state_count; ++s)
    shape.states.push_back(kernel.states[s].size);
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (isTapeValue(kernel.buffers[i].role, kernel.buffers[i].lifetime))
      shape.values.push_back(kernel.buffers[i].columns);
  return shape;
}

//===-- Plans ---------------------------------------------------------------------------------===//

int64_t TapePlan::begin(int64_t segment) const {
  int64_t blocks = (steps + blockSteps - 1) / blockSteps;
  int64_t ofSegment = (segmentSteps + blockSteps - 1) / blockSteps;
  return std::max<int64_t>(0, blocks - (segments - segment) * ofSegment) * blockSteps;
}

double TapePlan::repeatedWork() const {
  return static_cast<double>(begin(segments - 1)) / static_cast<double>(steps);
}

/// The plan with so many blocks in a segment.
static TapePlan planWith(const TapeShape &shape, const TapeSpan &span, int64_t blocksOfSegment) {
  TapePlan plan;
  plan.steps = span.steps;
  plan.blockSteps = backwardBlockSteps(span.sequences);
  int64_t blocks = (span.steps + plan.blockSteps - 1) / plan.blockSteps;
  plan.segmentSteps = std::min(blocksOfSegment * plan.blockSteps, span.steps);
  plan.segments = (blocks + blocksOfSegment - 1) / blocksOfSegment;
  int64_t N = span.sequences, K = plan.segmentSteps;
  for (size_t s = 0; s < shape.states.size(); ++s) {
    int64_t columns = shape.states[s];
    if (span.hasResets)
      plan.bytes += seriesBytes(shape.format, K * N, columns);
    if (static_cast<int>(s) == shape.outputState)
      continue;
    plan.bytes += seriesBytes(shape.format, (K + 1) * N, columns);
    if (plan.keptStates() > 0)
      plan.bytes += seriesBytes(shape.format, plan.keptStates() * N, columns);
  }
  for (int64_t columns : shape.values)
    plan.bytes += seriesBytes(shape.format, K * N, columns);
  return plan;
}

static int64_t blocksOf(const TapeSpan &span) {
  int64_t blockSteps = backwardBlockSteps(span.sequences);
  return (span.steps + blockSteps - 1) / blockSteps;
}

TapePlan planWholeTape(const TapeShape &shape, const TapeSpan &span) {
  return planWith(shape, span, blocksOf(span));
}

TapePlan planSmallestTape(const TapeShape &shape, const TapeSpan &span) {
  TapePlan smallest = planWholeTape(shape, span);
  for (int64_t blocks = blocksOf(span) - 1; blocks > 0; --blocks) {
    TapePlan plan = planWith(shape, span, blocks);
    if (plan.bytes < smallest.bytes)
      smallest = plan;
  }
  return smallest;
}

std::optional<TapePlan> planTape(const TapeShape &shape, const TapeSpan &span, int64_t limit) {
  // The longer the last segment the less work: the first plan that fits is the best. Memory does
  // not only shrink with the segments, as shorter ones keep more states.
  for (int64_t blocks = blocksOf(span); blocks > 0; --blocks) {
    TapePlan plan = planWith(shape, span, blocks);
    if (plan.bytes <= limit)
      return plan;
  }
  return std::nullopt;
}

std::string describeMisfit(const TapeSpan &span, int64_t limit, int64_t smallestBytes) {
  return fmt::format("the tape of {} steps of {} sequence{} does not fit into {} bytes: the "
                     "smallest plan takes {}; allow as many, or use fewer steps or sequences",
                     span.steps, span.sequences, span.sequences == 1 ? "" : "s", limit,
                     smallestBytes);
}

} // namespace cellwright
