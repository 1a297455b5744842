// The `cell` dialect in C++: what TableGen makes of cell_dialect.td and cell_ops.td.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir {
class PatternRewriter;
}

#include "codegen/dialect/cell_dialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "codegen/dialect/cell_types.h.inc"

#define GET_OP_CLASSES
#include "codegen/dialect/cell_ops.h.inc"

namespace cellwright {

/// Type of a value of the dialect.
inline cell::TensorType tensorType(mlir::Value value) {
  return mlir::cast<cell::TensorType>(value.getType());
}
inline bool isScalar(mlir::Value value) { return tensorType(value).isScalar(); }

} // namespace cellwright
