// How a parameter of a checked cell looks and starts, as the kernel ABI says it.
#pragma once

#include "codegen/kernel_description.h"
#include "dsl/bind.h"
#include "dsl/cell.h"

namespace cellwright {

/// Shape, initializer and its arguments, with numbers.
ParamDescription describeParam(const Param &param, const Bound &bound);

} // namespace cellwright
