// A training run as a file: everything that going on needs, in safetensors. What one gets wrong: no
// time, path or number of threads stands in it, so a run that was stopped and resumed ends with the
// same bytes as one that was not.
//
// Tensors: `param.<parameter>`, `optimizer.<array>.<parameter>` and `state.<state>`, all F32.
// Metadata: `format`, `options` (JSON, see train_options.h), `progress` (JSON), `vocabulary` (JSON)
// and `configuration.<key>`, which belongs to the caller.
#pragma once

#include "training/language_model.h"
#include "training/optimizers.h"
#include "training/safetensors.h"
#include "training/text_data.h"
#include "training/train_options.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// Where a run stands. The position in the text and in the learning rate's schedule follow from the
/// number of updates; functions that draw count by updates too, so that there is no other random
/// state.
struct TrainProgress {
  int64_t updates = 0;
  /// Of the optimizer.
  int64_t optimizerSteps = 0;
  /// Sum of the losses since the log's last line, and their number.
  double lossSum = 0;
  int64_t lossCount = 0;
  std::optional<double> validationLoss; // the last one
  std::optional<double> bestLoss;       // of validation
  int64_t bestUpdate = 0;
  /// Of the symbols that train and validate: resuming with another text is refused.
  uint64_t textDigest = 0;
};

struct Checkpoint {
  std::map<std::string, std::string> configuration; // the caller's: the cell's text, sizes, ...
  Vocabulary vocabulary{SymbolUnit::Characters, {}};
  TrainOptions options;
  TrainProgress progress;
  std::vector<Tensor> tensors;
};

/// Throws Error if it cannot be written whole; what was at `path` before stays then.
void writeCheckpoint(const std::string &path, const Checkpoint &checkpoint);
/// Throws Error if the file cannot be read or is no checkpoint.
Checkpoint readCheckpoint(const std::string &path);

/// The bytes of the file that `writeCheckpoint` writes, and back.
std::string formatCheckpoint(const Checkpoint &checkpoint);
Checkpoint parseCheckpoint(std::string_view bytes, const std::string &path);

/// Appends a model's parameters, states and optimizer arrays to a checkpoint's tensors.
void saveModel(LanguageModel &model, Checkpoint &checkpoint);
void saveOptimizer(const LanguageModel &model, Optimizer &optimizer, Checkpoint &checkpoint);

/// Sets a model's parameters, which must be those of the checkpoint. Throws Error that names what
/// is missing, too much or of another shape.
void loadParams(const Checkpoint &checkpoint, LanguageModel &model);
/// Sets the states that training carries.
void loadStates(const Checkpoint &checkpoint, LanguageModel &model);
void loadOptimizer(const Checkpoint &checkpoint, const LanguageModel &model, Optimizer &optimizer);

} // namespace cellwright
