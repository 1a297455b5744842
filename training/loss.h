// Softmax cross-entropy of rows of logits against symbols.
#pragma once

#include "runtime/series.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <span>
#include <vector>

namespace cellwright {

struct LossResult {
  double mean = 0;     // nats per row
  int64_t badRow = -1; // the first row whose loss is NaN or infinite, or -1
};

/// -log(softmax(logits)[target]), mean over rows, and its adjoint.
///   logits: F32, at least 1 column; contents of columns beyond the end of the last panel are not
///   used. targets: a column per row.   adjoint: of the same shape and format, or data null: not
///   wanted; fully overwritten with adjointScale * (softmax(logits) - [column == target]) and zeros
///   beyond the end; may be `logits` itself.
/// The gradient of the mean is adjointScale = 1 / rows.
/// Correct for logits of any finite size: the greatest is subtracted. Max error of a row's softmax
/// 4 ULP of its largest element; the mean is accumulated in double in the order of the rows, so it
/// does not depend on the number of threads. NaN or positive infinity among a row's logits makes
/// its loss NaN. Throws Error if a target is not a column, or a format is not F32.
///   scratch: losses of rows; passed so that repeated calls do not allocate.
LossResult softmaxCrossEntropy(const SeriesView &logits, std::span<const int32_t> targets,
                               const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                               std::vector<double> &scratch);

} // namespace cellwright
