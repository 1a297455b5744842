// A language model from its description: which cells in which layers, how large. Checkpoints carry
// the description with the cells' text, so that a model needs no file but its own.
#pragma once

#include "codegen/compile.h"
#include "tools/cell_arguments.h"
#include "training/language_model.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cellwright {

/// What a model is made of.
struct ModelDescription {
  std::vector<std::string> cells;      // text of each layer's cell, complete in itself
  std::vector<std::string> dimensions; // H=16, for all layers
  int64_t hidden = 128;                // sizes of the cells that nothing else fixes
  int64_t embedding = 0;               // 0: the first layer takes symbols as they are
  double dropout = 0;                  // between layers, and before the decoder
  bool isResidual = false;             // layers above the first add their input

  std::map<std::string, std::string> toConfiguration() const;
  /// Throws Error if something is missing or no number.
  static ModelDescription
  fromConfiguration(const std::map<std::string, std::string> &configuration);
};

/// The text of a cell as a description has it, with the values of its options; adds its dimensions
/// to `dimensions`. Prints problems to stderr and gives nothing if the cell is wrong.
std::optional<std::string> describeCell(const CellArguments &arguments,
                                        std::vector<std::string> &dimensions);

/// How a model is built besides what it is.
struct BuildOptions {
  CompileOptions compile;
  int threads = 1;
  /// Compiles what `eval` and `sample` do not need, and checks that training fits into memory.
  bool isForTraining = false;
  int64_t batchRows = 1;                // steps times sequences of a batch
  int64_t memoryLimit = kNoMemoryLimit; // of the tapes of training, in bytes
  /// Called before each cell that is compiled or loaded.
  std::function<void(const std::string &role)> progress = {};
};

/// Compiled kernels and the model on them.
class BuiltModel {
public:
  /// Throws Error if the sizes do not fit each other or memory.
  BuiltModel(const ModelDescription &description, int64_t vocabularySize,
             const BuildOptions &options);
  ~BuiltModel();

  LanguageModel &model();
  ThreadPool &threads();
  /// The layers with their sizes: `65 -> embedding 16 -> 2 x lstm 128 -> 65`.
  std::string summary() const;

private:
  struct Parts;
  std::unique_ptr<Parts> parts;
};

} // namespace cellwright
