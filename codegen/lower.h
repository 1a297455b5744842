// From emitted functions to machine code: MLIR's conversions to LLVM, LLVM's optimizer, an object
// file in memory. The same bytes are what the cache stores, the JIT links and ahead-of-time
// compilation writes.
#pragma once

#include "codegen/target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <vector>

namespace cellwright {

/// Registers the dialects that emission creates and their translation to LLVM IR.
void registerEmissionDialects(mlir::DialectRegistry &registry);

/// Converts the module to the LLVM dialect in place. Precondition: it holds what emission makes.
void lowerToLlvmDialect(mlir::ModuleOp module);

/// Compiles a module of the LLVM dialect to an object file for the target.
std::vector<char> compileToObject(mlir::ModuleOp module, const Target &target);

// The same in parts, for what is put together of several modules.

std::unique_ptr<llvm::Module> translateToLlvm(mlir::ModuleOp module, const Target &target,
                                              llvm::LLVMContext &context);
/// Inlines everything that `step` calls into it and optimizes the result; makes all functions but
/// `entries` internal. Results keep their bits.
void inlineSteps(llvm::Module &module, const Target &target,
                 llvm::ArrayRef<llvm::StringRef> entries, llvm::StringRef step);
std::vector<char> writeObject(llvm::Module &module, const Target &target);

} // namespace cellwright
