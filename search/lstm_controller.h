// The controller of Zoph & Le 2017: an LSTM, the shipped cell, that reads the last decision and
// says how likely each alternative of the next one is.
#pragma once

#include "codegen/compile.h"
#include "search/controller.h"

namespace cellwright {

/// Makes controllers, which are compiled with these options. One is used by one thread at a time.
MakeController lstmControllers(const CompileOptions &compile);

} // namespace cellwright
