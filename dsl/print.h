// A checked cell as text: one complete cell that stands alone, without `from`, imports and
// functions of other files. Parsing it gives the same cell again, printing that the same text.
#pragma once

#include "dsl/checker.h"

#include <string>

namespace cellwright {

/// Writes a cell; options have the numbers of `settings`. Precondition: the cell is good.
std::string printCell(const Program &program, const CheckedCell &checked,
                      const Settings &settings = {});

/// The names under which a printed cell defines the functions it uses.
struct PrintedFns {
  std::vector<FnRef> fns;
  std::vector<std::string> names; // by fn
  std::vector<NameId> cellFns;    // functions that the cell itself defines, by name
  std::vector<FnRef> cellFnRefs;

  /// What a call in a file is printed as.
  std::string_view nameOf(const Program &program, FileId file, NameId called, bool isInCell) const;
};

/// Writes an expression with no more parentheses than it needs.
std::string printExpr(const Program &program, const Syntax &syntax, Expr expr,
                      const PrintedFns &fns, bool isInCell);

} // namespace cellwright
