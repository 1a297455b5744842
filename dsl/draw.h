// Drawings of a checked cell.
#pragma once

#include "dsl/cell.h"

#include <string>

namespace cellwright {

/// Writes the cell's graph for graphviz.
std::string writeDot(const Cell &cell);

/// Draws the cell's graph as an SVG that needs nothing else: layers from left to right, inputs and
/// states first, dashed lines from next states back to the states.
std::string writeSvg(const Cell &cell);

} // namespace cellwright
