// Colours of terms: numbers that depend on what a term is made of and what is made of it, so that
// they put terms in an order that renaming does not change.
#pragma once

#include "dsl/canonical_terms.h"

#include <cstdint>
#include <vector>

namespace cellwright {

/// A colour for each term. They depend on the text, too, where parts of a cell look alike to
/// refinement but are not, and where refining to the end would take too long: then two texts of one
/// cell may have different canonical forms. A duplicate is missed; different cells are never taken
/// for one.
std::vector<uint64_t> colourTerms(const Cell &cell, const TermGraph &graph);

} // namespace cellwright
