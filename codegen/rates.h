// How often the values of a cell change: the analysis that the schedule and the emission rest on.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "dsl/cell.h"

#include "llvm/ADT/DenseMap.h"

namespace cellwright {

/// Rates of all values of a cell, those inside of phases included.
class Rates {
public:
  explicit Rates(cell::CellOp cell);
  /// Rate of a value; a value that was made after the analysis is looked at now.
  Rate of(mlir::Value value) const;

private:
  mutable llvm::DenseMap<mlir::Value, Rate> rates;
};

} // namespace cellwright
