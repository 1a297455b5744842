// A step of one sequence with random numbers, ready to be run again and again.
#pragma once

#include "codegen/compiled_step.h"
#include "dsl/interpreter.h"

#include <vector>

namespace cellwright {

class BenchedStep {
public:
  BenchedStep(const Cell &cell, const Bound &bound, const CompileOptions &compile,
              const SequenceInput &input);

  /// The next step, from where the last one ended, with the first step's inputs.
  void run() { step.step(pointers, output.data()); }

private:
  CompiledStep step;
  std::vector<std::vector<std::byte>> inputs;
  std::vector<const void *> pointers;
  std::vector<std::byte> output;
};

} // namespace cellwright
