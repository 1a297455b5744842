// A checked cell as equations in LaTeX, with time as a subscript.
#pragma once

#include "dsl/checker.h"

#include <string>

namespace cellwright {

/// Writes an `align*` environment (amsmath, amssymb): a state h is h_{t-1} before and h_t after the
/// step, `linear` is written out with its parameters. Precondition: the cell is good.
std::string writeLatex(const Program &program, const CheckedCell &checked);

} // namespace cellwright
