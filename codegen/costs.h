// Which operations are cheap enough to be done twice: the one question that several passes of the
// schedule ask.
#pragma once

#include "codegen/dialect/cell_dialect.h"

namespace cellwright {

/// True for element-wise operations of a few instructions: arithmetic, selections, drawing a
/// number.
bool isCheap(mlir::Operation *op);

/// How long an operation of a phase keeps those waiting that need its result, in latencies of a
/// multiply-add: measured roughly on x86-64, good enough for a bound.
int latencyOf(mlir::Operation *op);

/// True for what can be made at any place of any phase from nothing: constants spread over a
/// vector, random numbers.
bool isMadeAnywhere(mlir::Operation *op);

/// True for an input that is given as an index.
bool isIndex(mlir::Value value);

} // namespace cellwright
