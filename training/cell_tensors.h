// The tensors of a recurrent network, found in a file and checked against what its cells need:
// the part of reading weights that is the same for all names and layouts.
#pragma once

#include "training/safetensors.h"
#include "training/weight_layouts.h"

#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// What is looked for.
struct TensorSearch {
  const std::string &path; // of the file, for messages
  std::string what;        // `pytorch's nn.LSTM`, for messages
  const WeightLayout &layout;
  const NamingScheme &naming;
  std::vector<TensorForm> forms;
  bool canLackBiases = false; // all of a cell's
  std::string prefix;
  std::optional<int64_t> layer;
  std::optional<bool> isReversed;
};

/// The tensors of one cell, in the order of the forms; null for a bias that it lacks.
struct CellTensors {
  Sizes sizes;
  std::vector<const Tensor *> tensors;
};

struct FoundTensors {
  NetworkShape shape;
  std::vector<CellTensors> cells;   // layer by layer, forward before reversed
  std::vector<std::string> leftOut; // names of tensors that are no recurrent layer's
};

/// Finds and checks them. Throws Error that names all problems at once. The result views `file`.
FoundTensors findCellTensors(const TensorFile &file, const TensorSearch &search);

/// Throws Error unless the layers can be those of one module: one H, one P, and each layer's I is
/// what the layer below gives. `what` begins the message.
void checkOneModule(const NetworkShape &shape, const std::vector<Sizes> &cells,
                    const std::string &what);

} // namespace cellwright
