// What can be read off a checked cell: numbers for `list` and for `show`.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"

#include <cstdint>

namespace cellwright {

/// The largest number of matrix products on a path from a state to a next state: how many products
/// of one step must wait for each other.
int countDependentProducts(const Cell &cell);

/// How many numbers the parameters have, frozen ones too.
int64_t countParameters(const Cell &cell, const Bound &bound);

/// A deterministic dump of everything that a compiled cell depends on, names of intermediate values
/// and places in files apart. Two cells with the same text compile to the same code.
Text canonicalText(const Cell &cell);

} // namespace cellwright
