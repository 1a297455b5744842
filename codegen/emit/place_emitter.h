// Emission of a phase's operations at one place: a row, and a panel of columns. The loops around it
// are in row_emitter.cpp, tile_emitter.cpp and phase_emitter.cpp.
#pragma once

#include "codegen/emit/module_emitter.h"
#include "codegen/emit/phase_function.h"

#include "llvm/ADT/DenseMap.h"

namespace cellwright {

/// Row of the buffers and panel of columns at which code is being emitted.
struct Place {
  mlir::Value row;
  mlir::Value panel;
  /// The loop over rows within a panel, or null: what depends on the panel alone is emitted before
  /// it, once.
  mlir::Operation *rowLoop = nullptr;
};

/// What has been emitted for the values of a cell at one place.
using Scope = llvm::DenseMap<mlir::Value, mlir::Value>;

class PlaceEmitter {
public:
  PlaceEmitter(ModuleEmitter &module, cell::PhaseOp phase, PhaseFunction &f);

  /// The value at a place: computed in this phase, a constant, or loaded. A scalar stays a scalar
  /// in the first, the second spreads it over a vector.
  mlir::Value read(mlir::Value value, const Place &place, Scope &scope);
  mlir::Value readVector(mlir::Value value, const Place &place, Scope &scope);
  /// Number of the 1 in a row of an index input.
  mlir::Value loadIndex(mlir::Value input, mlir::Value row);

  void emitOperation(mlir::Operation *op, const Place &place, Scope &scope);
  /// Stores the results of the phase that are complete at this place.
  void emitYields(const Place &place, Scope &scope, bool scalars);

  /// first, first + 1, ... as 64-bit integers.
  mlir::Value lanes(mlir::Value first);

  ModuleEmitter &module;
  cell::PhaseOp phase;
  PhaseFunction &f;
  int64_t columns;
  int width;
  int64_t panels;
  cell::YieldOp yield;
  llvm::SmallVector<mlir::Operation *> operations;

private:
  mlir::Value readParam(mlir::Value value, const Place &place);
  mlir::Value oneHot(mlir::Value input, const Place &place);
  mlir::Value emitMap(cell::MapOp map, const Place &place, Scope &scope);
  mlir::Value emitWindow(cell::WindowOp window, const Place &place);
  mlir::Value emitUniform(cell::RandomOp random, const Place &place);
  mlir::Value emitOverSteps(cell::OverStepsOp sum, const Place &place, Scope &scope);
  mlir::Value panelPointer(int buffer, const Place &place);
  enum class Access { Read, Write };
  mlir::Value address(int buffer, const Place &place, bool isScalarValue, Access access);

  /// Where panels begin, by the loop over rows and the buffer.
  llvm::DenseMap<std::pair<mlir::Operation *, int>, mlir::Value> panelPointers;
  /// What parameters are there, by the loop over rows and the value.
  llvm::DenseMap<std::pair<mlir::Operation *, mlir::Value>, mlir::Value> params;
};

} // namespace cellwright
