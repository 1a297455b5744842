// How much memory a cell takes over a sequence, before anything is allocated. Estimates from above:
// what the compiler saves and what it computes again is not known yet.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"

#include <cstdint>

namespace cellwright {

/// What a computation keeps at once.
struct MemoryNeeds {
  int64_t steps = 1;
  int64_t sequences = 1;
  bool isDouble = false;
  bool hasBackward = false;
};

/// Bytes of what a cell saves for its backward pass, beside inputs, states and output; nothing
/// without one.
double savedBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs);
/// Bytes of a cell's series and, with a backward pass, of its tape and the adjoints.
double seriesBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs);
/// Bytes of the parameters: values in the kernel's type, packed, and with a backward pass packed
/// for it and their gradients.
double paramBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs);

/// Numbers of all parameters, also if they are more than an integer holds.
double paramNumbers(const Cell &cell, const Bound &bound);

/// Throws Error if a cell with these sizes does not fit into memory as `run` computes it, with each
/// tensor as it stands in the files too.
void checkRunFits(const Cell &cell, const Bound &bound, const MemoryNeeds &needs);

} // namespace cellwright
