// The functions of an object that its header declares: each hands its arguments on to the driver or
// to the step of the version that the processor can run.
#pragma once

#include "codegen/emit/step_emitter.h"

#include "llvm/IR/Module.h"

#include <string>
#include <vector>

namespace cellwright {

struct EntryPoints {
  std::string name;                 // the prefix of all symbols
  llvm::GlobalVariable *object;     // the `cellwright_object`
  std::vector<StepFunctions> steps; // of each version, functions of the module
  std::vector<bool> isIndex;        // per input: an int32_t by value
  bool hasStates = true;
  bool takesParams = true; // from the caller
  bool hasWeights = false; // in the object
  bool hasBackward = true;
  bool hasKernel = true;
};

/// Adds the functions to the module that has those of the versions and the driver's; gives their
/// names.
std::vector<std::string> addEntryPoints(llvm::Module &module, const EntryPoints &entries);

} // namespace cellwright
