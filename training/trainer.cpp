// See trainer.h.
#include "training/trainer.h"

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "training/clipping.h"
#include "training/random.h"
#include "training/train_log.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace cellwright {

using Clock = std::chrono::steady_clock;

namespace {

/// What one call of `run` has besides the trainer: files and time.
struct Run {
  const TrainFiles &files;
  std::unique_ptr<TrainLog> log = {};
  Clock::time_point begin = Clock::now();
  int64_t updates = 0;       // done by this call
  double updateSeconds = 0;  // of them, without evaluations
  int64_t updatesOfLine = 0; // since the log's last line
  double secondsOfLine = 0;
  double meanLoss = 0;
  int64_t lastCheckpoint = -1; // its update; -1: none written
  int64_t first = 0;           // updates done before this call
  std::function<void(int64_t, int64_t)> evaluation = {};
};

} // namespace

struct Trainer::Work {
  Work(LanguageModel &model, Vocabulary vocabulary, const TrainOptions &options)
      : model(model), vocabulary(std::move(vocabulary)), options(options),
        optimizer(findOptimizer(options.optimizer), optimizerSettingsOf(options),
                  static_cast<int64_t>(model.trainedValues().size())) {}

  int64_t updates() const;
  bool isDue(int64_t every) const;

  TrainReport update(Run &run);
  double clippedNorm(const Run &run);
  void evaluate(const Run &run, TrainReport &report);
  void appendLine(Run &run, const TrainReport &report);
  void fillReport(const Run &run, TrainReport &report) const;
  void write(Run &run, const std::string &path);
  [[noreturn]] void fail(const Run &run, std::string_view what, int64_t update) const;
  Checkpoint checkpoint();

  LanguageModel &model;
  Vocabulary vocabulary;
  Batches train, validation;
  TrainOptions options;
  std::map<std::string, std::string> configuration;
  Optimizer optimizer;
  TrainProgress progress;
  std::vector<int32_t> inputs, targets;
};

//===-- Set-up --------------------------------------------------------------------------------===//

Trainer::Trainer(LanguageModel &model, Vocabulary vocabulary, const Batches &train,
                 const Batches &validation, const TrainOptions &options,
                 std::map<std::string, std::string> configuration)
    : work(std::make_unique<Work>(model, std::move(vocabulary), options)) {
  CELLWRIGHT_CHECK(work->vocabulary.size() == model.vocabularySize(),
                   "the text has {} symbols, the model has {}", work->vocabulary.size(),
                   model.vocabularySize());
  CELLWRIGHT_CHECK(train.count() > 0, "there is no text to train with");
  work->train = train;
  work->validation = validation;
  work->configuration = std::move(configuration);
  work->progress.textDigest = digestOf(train, validation);
}

Trainer::~Trainer() = default;

int64_t Trainer::Work::updates() const {
  int64_t all = options.epochs * train.count();
  return options.maxUpdates > 0 ? std::min(all, options.maxUpdates) : all;
}

int64_t Trainer::updates() const { return work->updates(); }

void Trainer::restore(const Checkpoint &checkpoint) {
  Work &w = *work;
  CELLWRIGHT_CHECK(checkpoint.vocabulary == w.vocabulary &&
                       checkpoint.progress.textDigest == w.progress.textDigest,
                   "the checkpoint was trained with another text, or another division of it");
  auto checkSame = [](std::string_view name, const auto &before, const auto &now) {
    CELLWRIGHT_CHECK(before == now, "the checkpoint was trained with {} {}, this run has {}", name,
                     before, now);
  };
  checkSame("optimizer", checkpoint.options.optimizer, w.options.optimizer);
  checkSame("batch-size", checkpoint.options.batchSize, w.options.batchSize);
  checkSame("seq-length", checkpoint.options.seqLength, w.options.seqLength);
  loadParams(checkpoint, w.model);
  loadStates(checkpoint, w.model);
  loadOptimizer(checkpoint, w.model, w.optimizer);
  w.progress = checkpoint.progress;
}

//===-- Checkpoints ---------------------------------------------------------------------------===//

Checkpoint Trainer::Work::checkpoint() {
  Checkpoint checkpoint{configuration, vocabulary, options, progress, {}};
  saveModel(model, checkpoint);
  saveOptimizer(model, optimizer, checkpoint);
  return checkpoint;
}

Checkpoint Trainer::checkpoint() { return work->checkpoint(); }

/// Writes a checkpoint unless its parameters are worthless.
void Trainer::Work::write(Run &run, const std::string &path) {
  if (path.empty())
    return;
  if (!areFinite(model.values()))
    fail(run, "a parameter became NaN or infinite", progress.updates);
  writeCheckpoint(path, checkpoint());
  if (path == run.files.checkpoint)
    run.lastCheckpoint = progress.updates;
}

/// Throws because of a number that is not finite: which one, in which update, and what is left.
void Trainer::Work::fail(const Run &run, std::string_view what, int64_t update) const {
  std::string kept = "no checkpoint was written";
  if (run.lastCheckpoint >= 0)
    kept = fmt::format("the checkpoint of update {} stays in `{}`", run.lastCheckpoint,
                       run.files.checkpoint);
  else if (run.first > 0)
    kept = fmt::format("the checkpoint of update {} stays, no other was written", run.first);
  throw Error(fmt::format(
      "{} in update {} of epoch {}; {}; a smaller `learning-rate` or `clip-norm` may help", what,
      update, (update - 1) / train.count() + 1, kept));
}

//===-- The loop ------------------------------------------------------------------------------===//

/// The gradient's norm before it was clipped.
double Trainer::Work::clippedNorm(const Run &run) {
  double norm = globalNorm(model.gradients(), model.threads());
  if (!std::isfinite(norm))
    fail(run, fmt::format("the gradient's norm is {}", norm), progress.updates + 1);
  if (options.clipValue > 0)
    clipByValue(model.gradients(), options.clipValue);
  if (options.clipNorm > 0)
    clipByNorm(model.gradients(),
               options.clipValue > 0 ? globalNorm(model.gradients(), model.threads()) : norm,
               options.clipNorm);
  return norm;
}

/// One batch, forward, backward and the optimizer.
TrainReport Trainer::Work::update(Run &run) {
  Clock::time_point begin = Clock::now();
  int64_t batch = progress.updates % train.count();
  if (batch == 0 && options.resetsEachEpoch)
    model.clearStates();
  int64_t steps = train.load(batch, inputs, targets);
  BatchOptions batchOptions;
  batchOptions.gradientScale = options.gradient == "step-sum" ? static_cast<double>(steps) : 1;
  // Functions that draw count by steps from the run's begin.
  batchOptions.firstStep = static_cast<uint32_t>(progress.updates * train.steps);
  batchOptions.seed = static_cast<uint32_t>(Random(options.seed, "training").next());
  TrainReport report;
  report.loss = model.trainBatch(inputs, targets, train.streams, batchOptions);
  if (!std::isfinite(report.loss))
    fail(run, fmt::format("the loss is {}", report.loss), progress.updates + 1);
  report.gradientNorm = clippedNorm(run);
  report.learningRate =
      learningRateAt(findSchedule(options.schedule), scheduleSettingsOf(options),
                     learningRateOf(options), {progress.updates, train.count(), updates()});
  optimizer.update(model.trainedValues(), model.gradients(), report.learningRate, model.threads());
  model.paramsChanged();
  ++progress.updates;
  progress.lossSum += report.loss;
  ++progress.lossCount;
  double seconds = secondsSince(begin);
  ++run.updates;
  run.updateSeconds += seconds;
  ++run.updatesOfLine;
  run.secondsOfLine += seconds;
  return report;
}

/// True if something that is done every so many updates, or with 0 at the end of each epoch, is
/// done after this update.
bool Trainer::Work::isDue(int64_t every) const {
  return progress.updates % (every > 0 ? every : train.count()) == 0 ||
         progress.updates == updates();
}

void Trainer::Work::evaluate(const Run &run, TrainReport &report) {
  double loss = model.evaluate(validation, [&](int64_t done, int64_t all) {
    if (run.evaluation)
      run.evaluation(done, all);
    return true;
  });
  if (!std::isfinite(loss))
    fail(run, fmt::format("the validation loss is {}", loss), progress.updates);
  report.isEvaluated = true;
  progress.validationLoss = loss;
  if (progress.bestLoss && *progress.bestLoss <= loss)
    return;
  progress.bestLoss = loss;
  progress.bestUpdate = progress.updates;
}

void Trainer::Work::appendLine(Run &run, const TrainReport &report) {
  if (run.log) {
    TrainLogLine line;
    line.update = progress.updates;
    line.epoch = static_cast<double>(progress.updates) / static_cast<double>(train.count());
    line.trainLoss = progress.lossSum / static_cast<double>(progress.lossCount);
    if (report.isEvaluated)
      line.validationLoss = progress.validationLoss;
    line.learningRate = report.learningRate;
    line.gradientNorm = report.gradientNorm;
    line.symbolsPerSecond =
        static_cast<double>(run.updatesOfLine * train.streams * train.steps) / run.secondsOfLine;
    line.seconds = secondsSince(run.begin);
    run.log->append(line);
  }
  // Whether there is a log or not: checkpoints are the same.
  progress.lossSum = 0;
  progress.lossCount = 0;
  run.updatesOfLine = 0;
  run.secondsOfLine = 0;
}

void Trainer::Work::fillReport(const Run &run, TrainReport &report) const {
  report.update = progress.updates;
  report.updates = updates();
  report.epoch = (progress.updates - 1) / train.count() + 1;
  report.epochs = options.epochs;
  report.meanLoss = run.meanLoss;
  report.symbolsPerSecond =
      static_cast<double>(run.updates * train.streams * train.steps) / run.updateSeconds;
  report.secondsLeft = secondsSince(run.begin) / static_cast<double>(run.updates) *
                       static_cast<double>(updates() - progress.updates);
  report.validationLoss = progress.validationLoss;
  report.bestLoss = progress.bestLoss;
}

TrainResult Trainer::run(const TrainFiles &files, const TrainCallbacks &callbacks) {
  Work &w = *work;
  Run run{files};
  run.first = w.progress.updates;
  run.evaluation = callbacks.evaluation;
  // After hours is too late to find out.
  for (const std::string &path : {files.checkpoint, files.best})
    if (!path.empty())
      checkCanWrite(path);
  if (!files.log.empty())
    run.log = std::make_unique<TrainLog>(files.log, w.progress.updates);
  bool isStopped = false;
  while (w.progress.updates < w.updates()) {
    isStopped = callbacks.shouldStop && callbacks.shouldStop();
    if (isStopped)
      break;
    TrainReport report = w.update(run);
    constexpr int64_t kMeanOver = 50;
    run.meanLoss +=
        (report.loss - run.meanLoss) / static_cast<double>(std::min(run.updates, kMeanOver));
    bool isEvalDue = w.isDue(w.options.evalEvery);
    if (isEvalDue && w.validation.count() > 0)
      w.evaluate(run, report);
    if (isEvalDue || (w.options.logEvery > 0 && w.progress.updates % w.options.logEvery == 0))
      w.appendLine(run, report);
    if (report.isEvaluated && w.progress.bestUpdate == w.progress.updates)
      w.write(run, files.best);
    if (w.options.checkpointEvery > 0 ? w.progress.updates % w.options.checkpointEvery == 0
                                      : isEvalDue)
      w.write(run, files.checkpoint);
    w.fillReport(run, report);
    if (callbacks.report)
      callbacks.report(report);
  }
  if (run.lastCheckpoint != w.progress.updates)
    w.write(run, files.checkpoint);
  TrainResult result;
  result.isFinished = !isStopped;
  result.updates = w.progress.updates;
  result.seconds = secondsSince(run.begin);
  result.symbolsPerSecond =
      run.updateSeconds > 0
          ? static_cast<double>(run.updates * w.train.streams * w.train.steps) / run.updateSeconds
          : 0;
  result.validationLoss = w.progress.validationLoss;
  result.bestLoss = w.progress.bestLoss;
  result.bestUpdate = w.progress.bestUpdate;
  return result;
}

} // namespace cellwright
