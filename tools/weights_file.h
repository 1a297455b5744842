// The parameters of a cell in a file of tensors, as `compile --weights` takes them.
#pragma once

#include "dsl/bind.h"
#include "tools/cell_arguments.h"
#include "training/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

class WeightsFile {
public:
  /// Reads the tensors that are parameters: `param.<name>` where there are such, as in files of
  /// `run`; `param.layer<N>.<name>` in a checkpoint of a language model, of the layer that is asked
  /// for or the only one; else all, by bare name. Throws Error if the file cannot be read or has
  /// not that layer, UsageError if it has several and none is asked for, or none at all.
  WeightsFile(std::string path, std::optional<int64_t> layer);

  /// Numbers for the cell's sizes: from `--dim`, and what that leaves open from the shapes of the
  /// tensors. Prints problems to stderr and gives nothing if they contradict each other. Throws
  /// Error that names everything that is missing, too much, or of another shape or type.
  std::optional<Bound> bind(const FoundCell &found) const;

  /// The parameters in the cell's order, in the element type. Precondition: `bind` gave sizes.
  std::vector<std::vector<std::byte>> read(const Cell &cell, bool isDouble) const;

private:
  const Tensor *find(const Param &param) const;
  std::vector<std::string> problemsOfNames(const Cell &cell) const;
  std::vector<std::string> problemsOfShapes(const Cell &cell, const Bound &bound) const;

  std::string path;
  std::vector<Tensor> tensors; // by the names of parameters
};

} // namespace cellwright
