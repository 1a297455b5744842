// One step of one sequence as a function that a program calls: memory in, memory out, no tables and
// no loops over time. What one gets wrong: the memory that a caller gives has the alignment of its
// elements only; what stands in it begins at the next multiple of a cache line.
#pragma once

#include "codegen/kernel_description.h"
#include "codegen/target.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cellwright {

/// What the functions of `emitStep` work with.
struct StepFunctions {
  std::string init;      // void(memory, params), or with constant weights void(memory)
  std::string reset;     // void(memory)
  std::string setStates; // void(memory, states)
  std::string getStates; // void(memory, states)
  std::string step;      // void(memory, an input each, output)
  std::string stepOf;    // void(memory, array of inputs, output)
  int64_t elements = 0;  // of the memory
};

/// Emits, into the module that has a kernel's phases:
/// - `init` packs the weights that `params` holds, one after the other as they are declared, dense
///   and row-major, and sets the states to zero;
/// - `step` takes inputs and makes the output of one step and the next states, dense;
/// - `setStates` and `getStates` copy the states, one after the other as they are declared.
/// `weights`, if not empty, has the contents of each buffer of the update's lifetime; they become
/// constants of the module. Precondition: the kernel has no backward pass, and its random functions
/// do not draw.
StepFunctions emitStep(mlir::ModuleOp module, const KernelDescription &kernel, const Target &target,
                       const std::string &prefix,
                       const std::vector<std::vector<std::byte>> &weights);

/// The target as the emission of a kernel for single steps takes it: with one row, tiles are as
/// many vectors of columns as there must be sums to hide the latency of a multiply-add.
Target targetOfSteps(Target target);

} // namespace cellwright
