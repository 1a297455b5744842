// A cell as one C99 file that needs libc and libm only: for compilers and processors that LLVM does
// not know. It computes what kernels compute, with plain loops.
#pragma once

#include "codegen/aot/header.h"
#include "dsl/interpreter.h"

#include <string>
#include <vector>

namespace cellwright {

struct CSource {
  std::string header; // NAME.h
  std::string source; // NAME.c: stands alone, the header is in it
};

/// Writes a cell. Of the facts, `types`, `contents`, `processors`, `draws` and `hasKernel` are
/// chosen here. With `facts.hasWeights` the numbers of the parameters are `weights`, by
/// Cell::params.
CSource writeCSource(const Cell &cell, const Bound &bound, AotFacts facts,
                     const std::vector<Elements> &weights = {});

} // namespace cellwright
