// Losses of a model's outputs, row by row, and their adjoints. What one gets wrong: a row that does
// not count, a step without a target or beyond a sequence's end, may hold anything, NaN too.
#pragma once

#include "runtime/series.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <span>
#include <vector>

namespace cellwright {

struct LossResult {
  double mean = 0;     // over the rows that count; 0 if none does
  int64_t rows = 0;    // that count
  int64_t badRow = -1; // the first of them whose loss is NaN or infinite, or -1
};

/// -log(softmax(logits)[target]) in nats, mean over rows, and its adjoint.
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
///   counts: one per row, 0: the row's loss does not count, its gradient is zero and its target is
/// not looked at; empty: all count.
LossResult softmaxCrossEntropy(const SeriesView &logits, std::span<const int32_t> targets,
                               const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                               std::vector<double> &scratch, std::span<const uint8_t> counts = {});

/// -log of the probability of bits, sigmoid(logit) each, in nats: summed over a row's columns, mean
/// over rows; its adjoint is adjointScale * (sigmoid(logits) - targets). Targets are in [0, 1], of
/// the logits' shape and format. Everything else as for softmaxCrossEntropy. Correct for logits of
/// any finite size; max error of a row's loss 1e-6 of it or of the number of columns, of a
/// gradient 4 ULP of 1.
LossResult binaryCrossEntropy(const SeriesView &logits, const SeriesView &targets,
                              const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                              std::vector<double> &scratch, std::span<const uint8_t> counts = {});

/// Sum of squares of outputs - targets over a row's columns, mean over rows; its adjoint is
/// adjointScale * 2 * (outputs - targets). Everything else as for binaryCrossEntropy.
LossResult squaredError(const SeriesView &outputs, const SeriesView &targets,
                        const SeriesView &adjoint, double adjointScale, ThreadPool &threads,
                        std::vector<double> &scratch, std::span<const uint8_t> counts = {});

/// Rows that count and whose greatest logit, the first of equal ones, is the target's.
int64_t countHits(const SeriesView &logits, std::span<const int32_t> targets,
                  std::span<const uint8_t> counts = {});

} // namespace cellwright
