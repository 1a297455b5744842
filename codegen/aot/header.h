// The header of an ahead-of-time kernel, C99 and C++: the same for objects and for C sources.
#pragma once

#include "codegen/aot/names.h"
#include "dsl/bind.h"
#include "dsl/cell.h"

#include <string>
#include <vector>

namespace cellwright {

/// What a header says beyond the cell.
struct AotFacts {
  std::string name;       // the prefix of all names: see `problemOfPrefix`
  std::string command;    // the command line that made it
  std::string version;    // of this program
  std::string equations;  // the cell as `printCell` has it
  std::string processors; // a sentence on what it runs on
  bool isDouble = false;
  bool hasBackward = true;
  bool hasWeights = false; // parameters are within; excludes hasBackward
  bool draws = false;      // random functions draw: a call has a seed
  bool hasKernel = true;   // there is `NAME_kernel`
  std::vector<std::string> indexInputs;
  std::string types;    // declarations that `contents` needs, or nothing
  std::string contents; // members of `struct NAME`, at least one: `  float numbers[1234];\n`

  const char *element() const { return isDouble ? "double" : "float"; }
  bool isIndex(const Input &input) const;
  /// True for a cell that has parameters which the caller gives.
  bool takesParams(const Cell &cell) const { return !hasWeights && !cell.params.empty(); }
};

/// A text as the inside of a comment of C: nothing in it ends the comment, or looks as if another
/// began.
std::string commentText(std::string text);

/// A member of a struct, `float W[2][3];`.
std::string declareMember(const std::string &element, const std::string &name, const Shape &shape,
                          const Bound &bound);

/// The struct of parameters.
std::string declareParams(const Cell &cell, const Bound &bound, const AotFacts &facts,
                          const AotNames &names);

/// An input as an argument of a step: `const float *x`, `int32_t k`.
std::string declareArgument(const AotFacts &facts, const Input &input, const std::string &name);

/// The whole header.
std::string writeAotHeader(const Cell &cell, const Bound &bound, const AotFacts &facts);

} // namespace cellwright
