// Measuring on request, for scripts that measure several programs in turn.
#pragma once

#include "bench/cell_bench.h"

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>

namespace cellwright {

/// A shipped cell with numbers, as a request names it: {cell, I, H}. Nothing if it is unknown.
struct ServedCell {
  std::shared_ptr<void> owner; // of what the cell refers to
  Cell cell;
  Bound bound;
};
using FindServedCell =
    std::function<std::optional<ServedCell>(const std::string &cell, int64_t I, int64_t H)>;

/// Reads one JSON object a line, {cell, I, H, N, T, seconds}, and answers each with a line: {times:
/// seconds of forward + backward, compile_seconds}, or {error}. What was asked last stays compiled.
void serveBench(std::istream &in, std::ostream &out, const FindServedCell &find,
                const CompileOptions &compile, int threads);

} // namespace cellwright
