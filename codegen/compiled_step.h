// A cell for one sequence, a step at a time, in this process: the function that an ahead-of-time
// object has, linked by the JIT.
#pragma once

#include "codegen/compile.h"

#include <memory>
#include <span>
#include <vector>

namespace cellwright {

/// One sequence. What one gets wrong: a step is real-time safe, but making one compiles.
class CompiledStep {
public:
  /// Compiles a cell at evaluation for steps; of `options` the target, the type, and inputs as
  /// indices count. `params`: each parameter of the cell in its order, dense and row-major, in the
  /// element type. Throws Error as `compileCell`, and if there are not as many parameters.
  CompiledStep(const Cell &cell, const Bound &bound, const CompileOptions &options,
               std::span<const void *const> params);
  ~CompiledStep();
  CompiledStep(CompiledStep &&) noexcept;

  /// Puts all states to zero.
  void reset();
  /// All states, one after the other as they are declared.
  void setStates(const void *states);
  void getStates(void *states) const;
  /// One step. `inputs`: one each, dense, an int32_t for an index; `output` gets the cell's output.
  /// Does not allocate, lock or call the system.
  void step(std::span<const void *const> inputs, void *output);

private:
  struct Parts;
  std::unique_ptr<Parts> parts;
};

} // namespace cellwright
