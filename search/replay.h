// Recorded learning curves in place of training: a space of exactly the cells that were recorded,
// and an evaluator that gives their curves, so that strategies can be tried in seconds. What one
// gets wrong: the same cell may have been recorded twice, with two curves; these are two
// candidates, and a cell's name says which it is.
#pragma once

#include "search/evaluator.h"
#include "search/space.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cellwright {

struct RecordedRun {
  Candidate candidate;        // its genotype is its number in the recording, counted from 0
  std::string recipe;         // of NAS-Bench-NLP, JSON
  std::vector<double> losses; // after each epoch; the last is NaN if the run ended there
  int64_t parameters = 0;     // 0: not recorded
  double epochSeconds = 0;    // mean; 0: not recorded
  int64_t rank = 0;           // by the loss after the last epoch, from 1, the best; last if NaN
};

struct Recording {
  std::string path;
  std::vector<RecordedRun> runs;
  int64_t epochs = 0; // of a whole run

  /// Runs of the best tenth, rounded down: those with a rank up to it.
  int64_t bestTenth() const { return std::ssize(runs) / 10; }
};

/// Reads a recording: lines of JSON, `{"recipe": ..., "val": [5.68, ...]}` with the validation loss
/// after each epoch, null where it was no number; also `num_params` and `mean_epoch_s`. A line with
/// `about` says where they are from and is skipped. Lines may also leave one of the two to those
/// of the same `id` and `experiment_id` in other `.jsonl` files of the folder, as in the published
/// benchmark. `path` is a file or the folder. Throws Error with the line and what is wrong with it.
Recording readRecording(const std::string &path);

/// The space of the recorded cells, each as likely. A mutation is the cell that is most like its
/// parent of some that are drawn, by the share of their nodes that both have: the same operation on
/// the same kinds of inputs. The recording lives longer.
std::unique_ptr<Space> makeRecordedSpace(const Recording &recording);

/// Replays: an update is an epoch, a metric the validation loss, hyperparameters and seeds mean
/// nothing. Takes no time.
class ReplayEvaluator : public Evaluator {
public:
  /// Told each epoch; its last is `losses`' index of the value, plus 1.
  using OnEpoch = std::function<void(const RecordedRun &run, const TrialSpec &spec, int64_t epoch)>;

  /// The recording lives longer.
  explicit ReplayEvaluator(const Recording &recording, OnEpoch onEpoch = {});

  /// A run that was recorded as ending in NaN diverges there; a cell that was not recorded is a bad
  /// cell. Throws Error for more updates than the recording has epochs.
  TrialResult evaluate(const TrialSpec &spec, TrialObserver &observer) override;

private:
  const Recording &recording;
  std::map<std::string, const RecordedRun *, std::less<>> runs; // by their cells' texts
  OnEpoch onEpoch;
};

} // namespace cellwright
