// One compilation on its way: the context and the modules in it. For compile.cpp and plan.cpp.
#pragma once

#include "codegen/compile.h"
#include "codegen/dialect/cell_dialect.h"
#include "codegen/target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

namespace cellwright {

class Compilation {
public:
  Compilation();

  /// Imports the cell and runs the schedule. `sources` and `print`, which gets the module after
  /// each pass, may be null.
  void schedule(const Cell &cell, const Bound &bound, const Sources *sources,
                const CompileOptions &options, llvm::raw_ostream *print);
  /// Imports the cell and goes as far as the decision what the forward pass keeps.
  void differentiate(const Cell &cell, const Bound &bound, const CompileOptions &options);
  /// The scheduled, or differentiated, cell.
  cell::CellOp scheduled();

  /// Emits functions into a module of their own.
  KernelDescription emit(const Target &target, bool isDouble);
  mlir::ModuleOp emitted() { return *code; }

private:
  void run(mlir::PassManager &passes);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module, code;
  bool hasBackward = false;
};

/// The target of this name; throws Error with those that are known.
Target targetOrThrow(const std::string &name);

/// Throws Error unless the cell has these inputs.
void checkIndexInputs(const Cell &cell, const std::vector<std::string> &names);

/// Completes what the machine code does not know, so that it is no part of a cache's key: the
/// cell's name and how its parameters start.
void describeCell(const Cell &cell, const Bound &bound, KernelDescription &description);

} // namespace cellwright
