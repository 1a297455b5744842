// The training loop of a language model. What one gets wrong: a run is a sequence of updates that
// depends on the text, the options and the first parameters alone; when it is evaluated, written or
// stopped changes none of them, and a resumed run is the same sequence from a later point.
#pragma once

#include "training/checkpoint.h"
#include "training/language_model.h"
#include "training/train_options.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace cellwright {

/// Where a run writes; empty: not written. A checkpoint replaces the one before; all files are
/// written whole or not at all.
struct TrainFiles {
  std::string checkpoint; // the latest
  std::string best;       // a checkpoint of the lowest validation loss
  std::string log;        // CSV, or JSONL if the name ends with `.jsonl`
};

/// How a run stands after an update, for people.
struct TrainReport {
  int64_t update = 0;  // updates done
  int64_t updates = 0; // of the whole run
  int64_t epoch = 0;   // counts from 1
  int64_t epochs = 0;
  double loss = 0;                      // nats per symbol, of this batch
  double meanLoss = 0;                  // running mean over some 50 updates
  double learningRate = 0;              // of this update
  double gradientNorm = 0;              // before clipping
  double symbolsPerSecond = 0;          // of this program's updates
  double secondsLeft = 0;               // at this rate, evaluations included
  bool isEvaluated = false;             // `validationLoss` is of this update
  std::optional<double> validationLoss; // the last one
  std::optional<double> bestLoss;       // the lowest one
};

struct TrainCallbacks {
  /// After each update.
  std::function<void(const TrainReport &)> report = {};
  /// Asked before each update; true ends the run with a checkpoint. It may read a flag that a
  /// signal sets.
  std::function<bool()> shouldStop = {};
  /// Within an evaluation, which may take long: batches done and all of them.
  std::function<void(int64_t done, int64_t all)> evaluation = {};
};

struct TrainResult {
  bool isFinished = false; // false: stopped
  int64_t updates = 0;
  double seconds = 0;
  double symbolsPerSecond = 0;
  std::optional<double> validationLoss; // the last one
  std::optional<double> bestLoss;
  int64_t bestUpdate = 0;
};

class Trainer {
public:
  /// The model, and what the batches view, must outlive the trainer. `validation` may be empty. The
  /// model's parameters are those to begin with. `configuration` is written into checkpoints as it
  /// is. Throws Error if options are out of range or the vocabulary is not the model's.
  Trainer(LanguageModel &model, Vocabulary vocabulary, const Batches &train,
          const Batches &validation, const TrainOptions &options,
          std::map<std::string, std::string> configuration = {});
  ~Trainer();

  /// Takes parameters, optimizer, carried states and position from a checkpoint. Options are the
  /// constructor's: normally those of the checkpoint. Throws Error if the checkpoint is of another
  /// model, optimizer or text.
  void restore(const Checkpoint &checkpoint);

  /// Updates that the whole run has.
  int64_t updates() const;

  /// Trains to the end or until it is stopped. Throws Error if a loss, gradient or parameter
  /// becomes NaN or infinite, saying where, and if a file cannot be written, before the first
  /// update where that can be known; checkpoints written before stay.
  TrainResult run(const TrainFiles &files, const TrainCallbacks &callbacks = {});

  /// What a checkpoint written now would hold.
  Checkpoint checkpoint();

private:
  struct Work;
  std::unique_ptr<Work> work;
};

} // namespace cellwright
