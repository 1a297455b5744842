// Colours of terms: numbers that depend on what a term is made of and what is made of it, and on
// nothing else, so that they put terms in an order that renaming does not change.
#pragma once

#include "dsl/canonical_terms.h"

#include <cstdint>
#include <vector>

namespace cellwright {

/// A colour for each term. Two terms share one only if the cell stays the same when they change
/// places, or if that could not be found out in reasonable time.
std::vector<uint64_t> colourTerms(const Cell &cell, const TermGraph &graph);

} // namespace cellwright
