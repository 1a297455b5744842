// What can be said against a candidate before it is trained, from its equations alone.
#pragma once

#include "dsl/cell.h"

#include <string>

namespace cellwright {

/// Why the output cannot depend on the past of the inputs: "no path from an input to the output",
/// "no path from state `c` to itself". Paths go over any number of steps. Empty if nothing is
/// missing.
std::string findMissingPath(const Cell &cell);

} // namespace cellwright
