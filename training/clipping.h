// Gradients before the update: their norm, and the two ways of clipping.
#pragma once

#include "runtime/thread_pool.h"

#include <cstdint>
#include <span>

namespace cellwright {

/// Root of the sum of squares, in double and in a fixed order, whatever the number of threads. NaN
/// or infinite exactly if an element is.
double globalNorm(std::span<const float> gradients, ThreadPool &threads);

/// Puts each element into [-limit, limit], as char-rnn; NaN stays NaN.
void clipByValue(std::span<float> gradients, double limit);

/// Scales all elements so that the norm, which is given as `norm`, becomes `limit` if it is larger
/// (Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1).
void clipByNorm(std::span<float> gradients, double norm, double limit);

/// True if no element is NaN or infinite.
bool areFinite(std::span<const float> values);

} // namespace cellwright
