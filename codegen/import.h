// From a checked cell to the `cell` dialect: one operation for one operation, names and places
// kept.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "dsl/cell.h"

#include "mlir/IR/BuiltinOps.h"

namespace cellwright {

/// Imports the cell at the end of the module; sizes stay symbolic. `sources` gives the places their
/// lines and may be null; the inputs named in `indexInputs` become indices.
cell::CellOp importCell(const Cell &source, const Sources *sources,
                        llvm::ArrayRef<std::string> indexInputs, mlir::ModuleOp module);

} // namespace cellwright
