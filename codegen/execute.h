// A compiled cell on plain numbers: the same data in and out as the interpreter's, and the backward
// pass. For `run`, `gradcheck` and tests; whoever needs speed keeps a Layer.
#pragma once

#include "codegen/compiled_kernel.h"
#include "dsl/interpreter.h"
#include "runtime/series.h"

#include <cstddef>
#include <vector>

namespace cellwright {

/// Adjoints that a caller gives; an empty list or entry stands for zeros.
struct GivenAdjoints {
  Elements output;              // [T, N, d]
  std::vector<Elements> states; // per state [T, N, d]: direct, of each step
  std::vector<Elements> finals; // per state [N, d]
};

struct Gradients {
  std::vector<Elements> inputs; // like SequenceInput::inputs; empty for indices
  std::vector<Elements> firstStates;
  std::vector<Elements> params; // empty for frozen ones
};

struct ExecutionResult {
  SequenceResult forward;
  Gradients gradients; // empty without adjoints
};

/// Elements in a kernel's type, one after the other, and back.
std::vector<std::byte> toBytes(const Elements &elements, Format format);
Elements toElements(const std::vector<std::byte> &bytes, Format format);

/// Runs a kernel that was compiled for one of the two element types; numbers are converted to it.
/// An input that the kernel takes as indices stands in `input` as rows of zeros with a single 1.
/// With `adjoints`, which may be null, goes back too; the kernel must then take adjoints of states.
ExecutionResult executeCell(const CompiledKernel &kernel, const SequenceInput &input,
                            const GivenAdjoints *adjoints, int threads);

} // namespace cellwright
