// A checked cell as text: one complete cell that stands alone, without `from`, imports and
// functions of other files. Parsing it gives the same cell again, printing that the same text.
#pragma once

#include "dsl/checker.h"

#include <string>

namespace cellwright {

/// Writes a cell; options have the numbers of `settings`. Precondition: the cell is good.
std::string printCell(const Program &program, const CheckedCell &checked,
                      const Settings &settings = {});

} // namespace cellwright
