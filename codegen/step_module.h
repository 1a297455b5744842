// The functions of single steps as a module of LLVM, for the JIT and for objects: a kernel of its
// own, at evaluation, whose phases are inlined.
#pragma once

#include "codegen/compile.h"
#include "codegen/emit/step_emitter.h"

#include "llvm/IR/Module.h"

#include <memory>
#include <string>
#include <vector>

namespace cellwright {

struct StepModule {
  KernelDescription description;
  StepFunctions functions;
  std::unique_ptr<llvm::Module> code;
};

/// Compiles a cell for single steps; of `options` the type and inputs as indices count. Functions
/// begin with `prefix`; `weights` as in emit/step_emitter.h.
StepModule makeStepModule(const Cell &cell, const Bound &bound, const CompileOptions &options,
                          const Target &target, const std::string &prefix,
                          const std::vector<std::vector<std::byte>> &weights,
                          llvm::LLVMContext &context);

} // namespace cellwright
