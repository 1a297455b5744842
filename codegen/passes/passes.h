// The passes of the `cell` dialect: see passes.td.
#pragma once

#include "codegen/dialect/cell_dialect.h"

#include "mlir/Pass/Pass.h"

namespace cellwright {

#define GEN_PASS_DECL
#include "codegen/passes/passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "codegen/passes/passes.h.inc"

} // namespace cellwright
