// Derivatives of a cell along directions: the interpreter's loop with tangents beside the values.
// The rules are those of products and of moving elements; what a function of the table does to
// tangents is taken from differences of the function itself, at one number, where they are good to
// ten digits. So nothing is shared with the compiler's adjoints, and one direction tests all
// elements of a gradient at once.
#pragma once

#include "dsl/interpreter.h"

#include <array>
#include <limits>
#include <span>
#include <vector>

namespace cellwright::test {

/// A derivative by differences, and the largest width that shows a smooth function. At a kink, or
/// very near, the width is 0 and the value means little; outside of a function's domain it is NaN.
struct Slope {
  double value = 0;
  double width = 0;
};

/// Derivative of an element-wise row by one of its operands.
Slope slopeOf(const Function &function, const std::array<double, 3> &at, int operand);

/// How what a cell takes moves; shaped like the same members of SequenceInput. An empty entry does
/// not move.
struct Direction {
  std::vector<Elements> inputs, firstStates, params;
};

struct SequenceTangents {
  std::vector<SequenceResult> along; // per direction: how what the cell gives moves
  /// The smallest distance at which a function of elements was found to be smooth around a number
  /// that it got. What is computed with errors of this size may lie on the other side of a kink.
  double clearance = std::numeric_limits<double>::infinity();
};

SequenceTangents differentiateAlong(const Cell &cell, const Bound &bound,
                                    const SequenceInput &input,
                                    std::span<const Direction> directions);

} // namespace cellwright::test
