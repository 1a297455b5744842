// From emitted functions to machine code: MLIR's conversions to LLVM, LLVM's optimizer, an object
// file in memory. The same bytes are what the cache stores, the JIT links and ahead-of-time
// compilation writes.
#pragma once

#include "codegen/emit/step_emitter.h"
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

/// Makes LLVM IR of a module of the LLVM dialect; its functions get the target's attributes.
std::unique_ptr<llvm::Module> translateToLlvm(mlir::ModuleOp module, const Target &target,
                                              llvm::LLVMContext &context);
/// Gives a module the triple and the data layout of a target.
void setTarget(llvm::Module &module, const Target &target);
/// Gives a function the target's attributes, and takes those of any other.
void setTarget(llvm::Function &function, const Target &target);
/// Inlines everything that a step calls and optimizes the result; results keep their bits. Loops
/// are unrolled if `unrolls`.
void inlineSteps(llvm::Module &module, const Target &target, const StepFunctions &functions,
                 bool unrolls);
std::vector<char> writeObject(llvm::Module &module, const Target &target);

} // namespace cellwright
