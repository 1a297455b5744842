// A cell as terms: what its operations compute, each value once. Sums are lists of terms with
// factors, products lists of terms with exponents, so that neither brackets nor the places of
// operands are left; functions that change nothing are gone.
#pragma once

#include "dsl/cell.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

using TermId = int32_t; // index into TermGraph::terms; operands have smaller ones

enum class TermKind : uint8_t {
  Op,      // any operation; the factors of its parts are 1
  Sum,     // of parts times their factors; the number 1 stands for what is added to all
  Product, // of parts to the power of their factors, which are integers other than 0
};

struct TermPart {
  TermId term = 0;
  double factor = 1;
  bool operator==(const TermPart &) const = default;
};

struct Term {
  TermKind kind = TermKind::Op;
  Op op; // of a sum or product: shape and place only
  std::vector<TermPart> parts;

  /// Whether the order of the parts means nothing.
  bool isUnordered() const;
};

struct TermGraph {
  std::vector<Term> terms;
  TermId output = 0;
  std::vector<TermId> nexts;                           // by state
  std::vector<std::pair<TermId, TermId>> initializers; // by parameter: arguments, or -1
  TermId one = -1;                                     // the number 1, once something needs it

  bool isOne(TermId term) const { return term == one; }
};

/// The terms of a cell. Sums and products of more than 256 parts keep their brackets.
TermGraph makeTerms(const Cell &cell);

} // namespace cellwright
