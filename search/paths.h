// What a cell cannot learn for want of a path, from its equations alone.
#pragma once

#include "dsl/cell.h"

#include <optional>
#include <string>

namespace cellwright {

/// What is missing in a cell: the name of an input that no output ever depends on, or that the
/// output depends on no state which depends on its own past. Paths go through states and time. A
/// state that only keeps something for a step, such as the last input, need not depend on itself;
/// one state must.
std::optional<std::string> findMissingPath(const Cell &cell);

} // namespace cellwright
