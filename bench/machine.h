// What this machine can do: the yardstick that speeds are reported against, measured in the same
// run.
#pragma once

#include <cstdint>

namespace cellwright {

/// Multiply-adds per second of one core, counted twice, in vectors of the widest kind that the
/// processor has: independent chains in registers. Takes about `seconds`.
double measurePeakFlops(bool isDouble, double seconds = 0.1);

/// Bytes per second that one core reads from a working set of so many bytes, again and again.
double measureReadBandwidth(int64_t bytes, double seconds = 0.05);

} // namespace cellwright
