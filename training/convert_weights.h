// Weights of recurrent networks from other frameworks' tensors to our parameters and back. What one
// gets wrong: a tensor is never rounded; where a cell has one bias for two of theirs, it is their
// sum, rounded once, and two files that differ in how they split it become one.
#pragma once

#include "training/safetensors.h"
#include "training/weight_layouts.h"

#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// Which cells of a file are taken, and how their names begin.
struct WeightSelection {
  std::string prefix = "";             // of the framework's names: `encoder.rnn.`
  std::optional<int64_t> layer = {};   // absent: all
  std::optional<bool> isReversed = {}; // absent: all directions
};

/// Our parameters of one cell, by `ourForms` of its layout, all F32 or all F64.
struct CellWeights {
  Sizes sizes;
  std::vector<Tensor> params; // with bare names: `W_i_x`
};

struct NetworkWeights {
  NetworkShape shape;
  std::vector<CellWeights> cells;   // layer by layer, forward before reversed
  std::vector<std::string> leftOut; // tensors that are no recurrent layer's
};

/// Takes the weights of a network from a framework's tensors; F16 and BF16 become F32, a mixture
/// with F64 becomes F64, biases that a whole cell lacks are zero. `path` is for messages. Throws
/// Error that names at once all that is missing, of the wrong type or shape, not the cell's, or
/// contradicts another tensor; or if nothing is there that the selection asks for.
NetworkWeights readTheirWeights(const TensorFile &file, const std::string &path,
                                const WeightLayout &layout, const WeightSelection &selection);
/// The same from our own tensors, `param.<name>` or `param.layer<k>.<name>`, in the same types. All
/// parameters of the cell are there. The selection's prefix is not read.
NetworkWeights readOurWeights(const TensorFile &file, const std::string &path,
                              const WeightLayout &layout, const WeightSelection &selection);

/// The tensors of a network in its framework; where our cell has one bias for two of theirs, the
/// second is zero. Throws Error if the framework cannot have layers of these sizes in one module.
TensorFile formatTheirWeights(const NetworkWeights &weights, const WeightLayout &layout,
                              const std::string &prefix);
/// Our tensors: `param.<name>` for one cell, else `param.layer<k>.<name>` and
/// `param.layer<k>.reversed.<name>`.
TensorFile formatOurWeights(const NetworkWeights &weights, const WeightLayout &layout);

} // namespace cellwright
