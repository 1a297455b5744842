// Weights that are packed while an object is compiled: what its kernel would compute of them once
// per update.
#pragma once

#include "codegen/aot/kernel_tables.h"
#include "codegen/kernel_description.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstddef>
#include <vector>

namespace cellwright {

/// Runs a kernel's packing in this process, whatever target it was emitted for; the target's
/// machine gives the same bits. `emitted` is in the LLVM dialect; `params` has each parameter of
/// the kernel, dense and row-major, in the kernel's element type. Parameters that phases read
/// themselves, scalars, are among the results.
PackedWeights packWeights(mlir::ModuleOp emitted, const KernelDescription &kernel,
                          const std::vector<std::vector<std::byte>> &params);

} // namespace cellwright
