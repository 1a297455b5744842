// Speed of training a language model: an update is forward, loss, backward, clipping and Adam.
#pragma once

#include "bench/bench_server.h"
#include "bench/cell_bench.h"

#include <string>
#include <vector>

namespace cellwright {

/// Updates of a model with two layers of `request.cell`, H = `request.H`, over batches of N
/// sequences of T symbols out of 65, the size of tinyshakespeare's alphabet. Throws Error if the
/// cell is not to be had.
ServedRun makeLanguageModelRun(const ServedRequest &request, const CompileOptions &compile,
                               int threads);

/// A row of these updates; `compileSeconds` is of all kernels of the model.
BenchRow benchLanguageModel(const ServedRequest &request, const CompileOptions &compile,
                            int threads, double seconds);

} // namespace cellwright
