// The files of `run`: tensors by name in, checked against the cell, and tensors by name out.
#pragma once

#include "codegen/execute.h"
#include "tools/cell_arguments.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cellwright {

struct RunRequest {
  std::string path;
  std::string weights; // a second file with parameters; empty: none
  bool isBackward = false;
  bool isDouble = false;
  std::optional<uint64_t> seed; // draws absent parameters
};

/// What the input file says, in the cell's order.
struct RunFile {
  Bound bound;
  SequenceInput input;
  GivenAdjoints adjoints;
  std::vector<bool> isDrawn; // by parameter
};

/// Reads and checks the file. Prints problems of sizes to stderr and gives nothing; throws Error
/// for everything else, all missing tensors at once.
std::optional<RunFile> readRunFile(const FoundCell &found, const RunRequest &request);

/// Writes what a run gave, whole or not at all.
void writeRunFile(const std::string &path, const FoundCell &found, const RunRequest &request,
                  const RunFile &file, const ExecutionResult &result);

/// Says in which output the first NaN or infinity appears, or nothing if there is none: as the
/// steps go, in a gradient only if none is in the forward pass.
std::string firstNonFinite(const FoundCell &found, const RunFile &file,
                           const ExecutionResult &result);

} // namespace cellwright
