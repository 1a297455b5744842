// From a scheduled cell to functions: gives every value that crosses phases a buffer, then has the
// phases (phase_emitter), what happens once per update (dense_emitter) and the packing of weights
// emitted.
#pragma once

#include "codegen/dialect/cell_dialect.h"
#include "codegen/emit/contraction.h"
#include "codegen/emit/function_builder.h"
#include "codegen/emit/packing.h"
#include "codegen/kernel_description.h"

#include "llvm/ADT/DenseMap.h"

namespace cellwright {

/// Where a value of the update's rate stands. Strides count elements; a vector has one column.
struct DenseBuffer {
  int buffer = -1;
  int64_t rows = 1, columns = 1;
  int64_t rowStride = 1, columnStride = 1;
};

class ModuleEmitter {
public:
  ModuleEmitter(cell::CellOp cell, mlir::ModuleOp module, const Target &target, bool isDouble);

  /// Emits everything; afterwards the description is complete.
  void emit();
  KernelDescription takeDescription() { return std::move(description); }

  // For the emitters of parts.
  const EmissionContext &getContext() const { return context; }
  Contractions &getContractions() { return contractions; }
  const BufferDescription &describe(int buffer) const { return description.buffers[buffer]; }
  /// Buffer of a value with one row per step and sequence, or per sequence.
  int rowBuffer(mlir::Value value) const { return rowBuffers.at(value); }
  bool hasRows(mlir::Value value) const { return rowBuffers.contains(value); }
  /// Buffer of a value of the update's rate, as the emission of dense code reads and writes it.
  DenseBuffer denseBuffer(mlir::Value value) const;
  /// Buffer of a scalar or vector of the update's rate, padded to whole panels, as phases read it.
  int paddedBuffer(mlir::Value value) const;
  /// Buffer of the caller for the gradient of a parameter.
  int gradientBuffer(cell::AdjointParamOp adjoint);
  int addBuffer(BufferDescription buffer);
  /// Buffer of packed weights, which are packed when parameters change.
  int addPacked(Packing packing);
  void addPhase(PhaseDescription phase) { description.phases.push_back(std::move(phase)); }
  /// The stem, numbered if it was taken.
  std::string uniqueName(const std::string &stem);

private:
  void describeCell();
  void assignSources();
  void assignPhaseResults();
  void assignUpdateValues();
  int addRows(mlir::Value value, std::string name, cellwright_role role,
              cellwright_lifetime lifetime, int index);
  void addDense(mlir::Value value, std::string name, bool isSum);

  cell::CellOp cell;
  EmissionContext context;
  Contractions contractions;
  KernelDescription description;
  llvm::DenseMap<mlir::Value, int> rowBuffers;
  llvm::DenseMap<mlir::Value, DenseBuffer> denseBuffers;
  llvm::DenseMap<mlir::Value, int> paddedParams;
  std::vector<PackedWeights> packed;
  std::map<std::string, int> names;
};

} // namespace cellwright
