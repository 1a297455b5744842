// Measuring on request, for scripts that measure several programs in turn.
#pragma once

#include "bench/cell_bench.h"

#include <functional>
#include <iosfwd>
#include <memory>

namespace cellwright {

/// What a line of input asks for.
struct ServedRequest {
  std::string task = "cell"; // or `lm`: updates of a language model of two layers
  std::string cell;
  std::string by;   // the beginning of a peer's name; empty: ours
  std::string pass; // `forward`, or forward + backward
  int64_t I = 0, H = 0, N = 0, T = 0;
};

/// Does once what was asked for; owns all that it needs.
using ServedRun = std::function<void()>;
/// Empty if a peer has no such cell or pass. Throws Error if it is not to be had at all.
using MakeServedRun = std::function<ServedRun(const ServedRequest &)>;

/// The run of a cell, by us or by a peer. `owner` keeps what the cell refers to.
ServedRun makeCellRun(std::shared_ptr<const void> owner, const Cell &cell, const Bound &bound,
                      const ServedRequest &request, const CompileOptions &compile, int threads);

/// Reads one JSON object a line, {task, cell, by, pass, I, H, N, T, seconds}, and answers each with
/// a line: {times: seconds of each run, compile_seconds: of what came before}, {} where a peer has
/// no such cell or pass, or {error}. What was asked last stays compiled.
void serveBench(std::istream &in, std::ostream &out, const MakeServedRun &make);

} // namespace cellwright
