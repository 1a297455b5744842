// Builds operations of the `cell` dialect from the texts of the function table: expansions and
// adjoints, written in the cell language and parsed by its own parser.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "dsl/functions.h"

#include "llvm/ADT/StringMap.h"

namespace cellwright {

/// Values that the names of a text stand for.
using NamedValues = llvm::StringMap<mlir::Value>;

/// The operands of a function by the names of its row's parameters.
NamedValues namedOperands(const Function &function, mlir::ValueRange operands);

/// The row of an operation that applies a function of the table, or null.
const Function *functionOf(mlir::Operation *op);

/// Builds a text; `random` is where a `uniform` in it gets its site from, null if the text has
/// none. Precondition: the text is one of the function table's.
mlir::Value buildExpression(mlir::OpBuilder &builder, mlir::Location loc, std::string_view text,
                            const NamedValues &names, cell::RandomOp random = nullptr);

/// Builds the adjoint of an operand, `dy` and `y` among the names. With `isGuarded` a product or
/// quotient of a `dy` that is zero is zero, whatever the other factor.
mlir::Value buildAdjoint(mlir::OpBuilder &builder, mlir::Location loc, std::string_view text,
                         const NamedValues &names, bool isGuarded);

/// A function of any class on operands that are there; folds what is constant.
mlir::Value buildCall(mlir::OpBuilder &builder, mlir::Location loc, const Function &function,
                      mlir::ValueRange operands);
mlir::Value buildMap(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef function,
                     mlir::ValueRange operands);

/// The parts of an adjoint text, one per operand.
std::vector<std::string_view> splitAdjoint(std::string_view text);

} // namespace cellwright
