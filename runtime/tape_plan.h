// How much of a tape is kept under a limit on its memory: the steps of a call are cut into
// segments, and only one of them has its tape; of the others the states before their first steps
// are kept, from which the way back computes them again (Griewank 1992, "Achieving logarithmic
// growth of temporal and spatial complexity in reverse automatic differentiation", with one level
// of snapshots). What one gets wrong: the output is no part of the tape. The caller reads it, so it
// is whole in any case, and a state that is the output needs no copy.
#pragma once

#include "runtime/kernel_abi.h"
#include "runtime/series.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

inline constexpr int64_t kNoMemoryLimit = std::numeric_limits<int64_t>::max();

/// Steps of a block of the backward pass. Gradients are summed block by block, so segments are
/// whole blocks: then they are the same bits with a limit and without.
int64_t backwardBlockSteps(int64_t sequences);

/// True for a buffer that the tape consists of, beside the states.
inline bool isTapeValue(int32_t role, int32_t lifetime) {
  return role == CELLWRIGHT_VALUE && lifetime == CELLWRIGHT_TAPE;
}

/// What a cell keeps per step and sequence for its way back, beside the output.
struct TapeShape {
  Format format;
  std::vector<int64_t> states; // columns of all states
  int outputState = -1;        // the one that is the output, or -1
  std::vector<int64_t> values; // columns of what is saved beside them

  /// Bytes per step and sequence, without the room between rows and panels.
  int64_t bytesPerStep() const;
};
TapeShape tapeShapeOf(const cellwright_kernel &kernel);

/// What a call goes over. With resets the states before each step are kept beside those after it.
struct TapeSpan {
  int64_t steps = 1;
  int64_t sequences = 1;
  bool hasResets = false;

  bool operator==(const TapeSpan &) const = default;
};

/// Segments of a call. The first one may be shorter: the last one's tape is there already when the
/// way back begins, so the longer it is the less is computed again.
struct TapePlan {
  int64_t steps = 1;        // T
  int64_t blockSteps = 1;   // of a block of the backward pass
  int64_t segmentSteps = 1; // K, of the longest segment
  int64_t segments = 1;
  int64_t bytes = 0; // that the series of tape and kept states hold

  /// Steps [begin, end) of a segment.
  int64_t begin(int64_t segment) const;
  int64_t end(int64_t segment) const {
    return segment + 1 == segments ? steps : begin(segment + 1);
  }
  /// How many times the states are kept.
  int64_t keptStates() const { return segments == 1 ? 0 : segments; }
  /// Forward work of the way back, as a part of one forward pass.
  double repeatedWork() const;
};

/// The tape of a whole call, in one segment.
TapePlan planWholeTape(const TapeShape &shape, const TapeSpan &span);
/// The plan with the least memory. Cost as below.
TapePlan planSmallestTape(const TapeShape &shape, const TapeSpan &span);
/// The plan with the least work among those whose memory is at most `limit` bytes; none if none is.
/// Cost: grows with the blocks of the call.
std::optional<TapePlan> planTape(const TapeShape &shape, const TapeSpan &span, int64_t limit);

/// Says that a tape does not fit, and what would: for messages.
std::string describeMisfit(const TapeSpan &span, int64_t limit, int64_t smallestBytes);

} // namespace cellwright
