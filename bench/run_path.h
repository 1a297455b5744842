// Which of the ways of running a kernel a run takes, in words, and what of it is slow.
#pragma once

#include "codegen/plan.h"
#include "runtime/kernel_abi.h"

#include <string>
#include <vector>

namespace cellwright {

/// What of a run decides on its way.
struct RunSituation {
  int64_t sequences = 1;
  int threads = 1;
  bool dividesForward = false, dividesBackward = false; // columns of steps, not rows
  bool isRagged = false;                                // sequences end at different steps
  bool isBoth = false;                                  // backward too
};

struct RunPath {
  /// Loops of the recurrence and what threads divide: `forward tiles 6x4; backward panels, tiles
  /// 6x4; threads divide rows`. A tile is rows x vectors of columns.
  std::string text;
  /// What costs more than it must, a sentence each; empty if nothing does.
  std::vector<std::string> slow;
};

/// `cost` is that of the cell which the kernel was made from, at the same sizes and target.
RunPath describePath(const cellwright_kernel &kernel, const CellCost &cost,
                     const RunSituation &situation);

} // namespace cellwright
