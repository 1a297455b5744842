// The tables of runtime/kernel_abi.h and of driver.h as constants of an LLVM module.
#pragma once

#include "codegen/aot/driver.h"
#include "codegen/kernel_description.h"

#include "llvm/IR/Module.h"

#include <cstddef>
#include <string>
#include <vector>

namespace cellwright {

/// What an update computes, per buffer of a kernel; empty for buffers that hold something else.
using PackedWeights = std::vector<std::vector<std::byte>>;

/// Adds a `cellwright_kernel` to the module that has the functions of its phases.
llvm::GlobalVariable *addKernel(llvm::Module &module, const KernelDescription &kernel,
                                const std::string &name);

/// Adds the list of constants of a `cellwright_version`.
llvm::GlobalVariable *addConstants(llvm::Module &module, const PackedWeights &weights,
                                   const std::string &name);

/// A `cellwright_version` as it stands in an object's list.
struct VersionTable {
  cellwright_cpu needs;
  llvm::Constant *kernel = nullptr;
  llvm::Constant *constants = nullptr; // null: none
};

/// Adds a `cellwright_object`, best version first.
llvm::GlobalVariable *addObject(llvm::Module &module, const std::vector<VersionTable> &versions,
                                bool draws, const std::string &name);

} // namespace cellwright
