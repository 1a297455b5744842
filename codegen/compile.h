// The compiler as one call: a checked cell with numbers in, a kernel out, from the cache if it was
// compiled before.
#pragma once

#include "codegen/compiled_kernel.h"
#include "dsl/bind.h"
#include "dsl/cell.h"

#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// A rule that stands for a row's own, to see whether a check notices.
struct AlteredRule {
  std::string function;
  std::string adjoint; // as in the function table
};

struct CompileOptions {
  std::string target = "native"; // see codegen/target.h
  bool isDouble = false;
  bool isTraining = false; // random functions draw
  bool hasBackward = true;
  bool stateAdjoints = false;             // the caller gives adjoints of the states of each step
  std::vector<std::string> indexInputs;   // inputs that are given as indices
  std::string cacheDirectory;             // empty: no cache
  std::optional<AlteredRule> alteredRule; // for tests of tests
};

/// $CELLWRIGHT_CACHE, else cellwright in $XDG_CACHE_HOME or ~/.cache; empty, no cache, if
/// CELLWRIGHT_CACHE is empty or there is no home.
std::string defaultCacheDirectory();

/// Compiles a cell. Throws Error for an unknown target or input; a cache that cannot be read or
/// written is as good as none.
CompiledKernel compileCell(const Cell &cell, const Bound &bound, const CompileOptions &options);

/// The cell as IR after each pass of the schedule, and the emitted functions, for people.
std::string printStages(const Cell &cell, const Sources &sources, const Bound &bound,
                        const CompileOptions &options);

} // namespace cellwright
