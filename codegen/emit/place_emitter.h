// Emission of the operations of a phase at one place of rows and columns. The loops over places are
// in panel_loop, row_loop and tile_loop.
#pragma once

#include "codegen/emit/module_emitter.h"
#include "codegen/emit/phase_function.h"

namespace cellwright {

/// Row of the buffers and panel of columns at which code is being emitted.
struct Place {
  mlir::Value row;
  mlir::Value panel;
};

/// What has been emitted for the values of a cell at one place.
using Scope = llvm::DenseMap<mlir::Value, mlir::Value>;

class PlaceEmitter {
public:
  using Value = mlir::Value;

  PlaceEmitter(ModuleEmitter &module, cell::PhaseOp phase, const std::string &name);

  /// The value at a place: computed in this phase, a constant, or loaded. A scalar stays a scalar.
  Value read(Value value, const Place &place, Scope &scope);
  /// The same; a scalar stands in every lane.
  Value readVector(Value value, const Place &place, Scope &scope);
  /// Emits an operation that is neither a contraction, nor a reduction or scan.
  void emitOperation(mlir::Operation *op, const Place &place, Scope &scope);
  /// Stores the results of the phase that are complete at this place: scalars or vectors.
  void emitYields(const Place &place, Scope &scope, bool scalars);

  /// Number of the 1 in a row of an index input.
  Value loadIndex(Value input, Value row);
  /// first, first + 1, ... as 64-bit integers.
  Value lanes(Value first);

  ModuleEmitter &module;
  cell::PhaseOp phase;
  PhaseFunction f;
  int64_t columns;
  int width;
  int64_t panels;
  llvm::SmallVector<mlir::Operation *> operations;

private:
  Value oneHot(Value input, const Place &place);
  Value emitMap(cell::MapOp map, const Place &place, Scope &scope);
  Value emitWindow(cell::WindowOp window, const Place &place);
  Value emitUniform(cell::RandomOp random, const Place &place);
  Value emitOverSteps(cell::OverStepsOp sum, const Place &place, Scope &scope);
  Value address(int buffer, const Place &place, bool isScalarValue);

  cell::YieldOp yield;
};

/// The loops of a phase; each gives the number of tiles that its work can be divided into.
int64_t
emitPanelLoop(PlaceEmitter &at); // over panels of columns, where nothing but the element counts
int64_t emitRowLoop(PlaceEmitter &at);  // over rows, with reductions and scans along each
int64_t emitTileLoop(PlaceEmitter &at); // over tiles of rows and columns, with contractions

/// What makes a phase go by rows.
bool isReduction(mlir::Operation *op);
bool isScan(mlir::Operation *op);

} // namespace cellwright
