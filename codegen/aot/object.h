// A cell as an object file that a C program links: kernels for one or several kinds of processor,
// their tables, the driver, and the functions that the header declares.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

struct ObjectOptions {
  std::string name;                 // the prefix of all symbols
  std::vector<std::string> targets; // of one architecture, see codegen/target.h; best first
  bool isDouble = false;
  bool isInference = false;             // no way back, and random functions are at evaluation
  std::vector<std::string> indexInputs; // inputs that are given as indices
  /// Each parameter of the cell, dense and row-major, in the element type: they become part of the
  /// object, which then is for inference.
  std::optional<std::vector<std::vector<std::byte>>> weights;
};

struct CompiledObject {
  std::vector<char> bytes;  // of the file
  int64_t stepElements = 0; // of `struct NAME`
};

/// True if calls of the object draw random numbers.
bool drawsIn(const Cell &cell, const ObjectOptions &options);

/// Compiles a cell. Throws Error for an unknown target or input. Precondition: all targets have the
/// same architecture.
CompiledObject compileToObjectFile(const Cell &cell, const Bound &bound,
                                   const ObjectOptions &options);

} // namespace cellwright
