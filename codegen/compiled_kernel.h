// A kernel in this process: machine code that the JIT has linked, and the tables that the runtime
// reads.
#pragma once

#include "codegen/kernel_description.h"
#include "runtime/kernel_abi.h"

#include <memory>
#include <vector>

namespace cellwright {

/// Loads an object file that `compileToObject` made. Throws Error if it cannot be
/// linked.
class CompiledKernel {
public:
  CompiledKernel(KernelDescription description, const std::vector<char> &object);
  ~CompiledKernel();
  CompiledKernel(CompiledKernel &&) noexcept;

  /// What the runtime takes; valid as long as this object.
  const cellwright_kernel &kernel() const;
  const KernelDescription &description() const;

private:
  struct Parts;
  std::unique_ptr<Parts> parts;
};

} // namespace cellwright
