// In which stage each operation of a cell is done: before, in or after the recurrence, forward and
// backward.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "codegen/rates.h"
#include "codegen/stages.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace cellwright {

class StageAnalysis {
public:
  explicit StageAnalysis(cell::CellOp cell);

  /// True for operations that compute something for each step or sequence: those that phases are
  /// made of.
  bool isScheduled(mlir::Operation *op) const { return stages.contains(op); }
  /// Stage of a scheduled operation.
  cellwright_stage of(mlir::Operation *op) const { return stages.at(op); }
  /// The first stage in which a value is there: PREPARE for what changes with parameters alone.
  cellwright_stage ofValue(mlir::Value value) const;

  /// Says where an operation belongs that a pass has made.
  void assign(mlir::Operation *op, cellwright_stage stage) { stages[op] = stage; }

private:
  cellwright_stage classify(mlir::Operation *op) const;
  void propagateForward(cell::CellOp cell);
  void propagateBackward(cell::CellOp cell);

  Rates rates;
  llvm::DenseMap<mlir::Operation *, cellwright_stage> stages;
  llvm::DenseSet<mlir::Operation *> isForward; // a next state or the output depends on it
  llvm::DenseSet<mlir::Operation *>
      needsState; // depends on a state, or on an adjoint that later steps left
  llvm::DenseSet<mlir::Operation *>
      reachesState; // a next state depends on it, or what earlier steps get
};

} // namespace cellwright
