#include "training/trainer.h"

#include "runtime/files.h"
#include "tests/support/error_text.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"
#include "tests/training/plain_kernels.h"
#include "tests/training/sample_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

/// A model, a text and a trainer: what each run starts with.
struct Setup {
  explicit Setup(const TrainOptions &options, int threadCount = 1)
      : threads(threadCount), model(plainKernels(), plainKernels(), threads) {
    symbols = vocabulary.encode(text, "text");
    SplitText split = splitText(symbols, splitSettingsOf(options));
    model.initialize(static_cast<uint64_t>(options.seed));
    trainer = std::make_unique<Trainer>(model, vocabulary, split.train, split.validation, options,
                                        std::map<std::string, std::string>{{"cell", "plain"}});
  }

  std::string text = sampleTextOf(400);
  Vocabulary vocabulary = Vocabulary::ofText(SymbolUnit::Characters, text, "text");
  std::vector<int32_t> symbols;
  ThreadPool threads;
  LanguageModel model;
  std::unique_ptr<Trainer> trainer;
};

/// 29 batches of 6 x 10 a epoch, of which 26 train.
TrainOptions smallOptions() {
  TrainOptions options;
  options.batchSize = 6;
  options.seqLength = 10;
  options.trainFraction = 0.9;
  options.validationFraction = 0.1;
  options.epochs = 3;
  options.learningRate = 0.02;
  options.logEvery = 7;
  return options;
}

/// Stops a run after so many updates of it.
TrainCallbacks stopAfter(int64_t count) {
  auto left = std::make_shared<int64_t>(count);
  return {{}, [left] { return (*left)-- == 0; }};
}

} // namespace

TEST_CASE("training brings the loss down to what the language allows") {
  TrainOptions options = smallOptions();
  options.epochs = 20;
  Setup setup(options);
  std::vector<TrainReport> reports;
  TrainResult result =
      setup.trainer->run({}, {[&](const TrainReport &report) { reports.push_back(report); }, {}});
  CHECK(result.isFinished);
  CHECK(result.updates == setup.trainer->updates());
  CHECK(reports.size() == static_cast<size_t>(result.updates));
  CHECK(reports.front().loss == doctest::Approx(std::log(7)).epsilon(0.2));
  // One of four words: log(4) nats in 3.75 symbols, if it has learned that and no more.
  CHECK(*result.validationLoss < 0.45);
  CHECK(*result.validationLoss > 0.3);
  CHECK(result.bestLoss <= result.validationLoss);
}

TEST_CASE("every optimizer and schedule trains") {
  for (const OptimizerInfo &info : optimizers())
    for (const ScheduleInfo &schedule : schedules()) {
      CAPTURE(info.name);
      CAPTURE(schedule.name);
      TrainOptions options = smallOptions();
      options.optimizer = info.name;
      options.schedule = schedule.name;
      options.learningRateDecay = 0.9;
      options.learningRate = TrainOptions::kOwnDefault;
      options.warmup = 5;
      Setup setup(options);
      std::vector<double> losses;
      setup.trainer->run(
          {}, {[&](const TrainReport &report) { losses.push_back(report.meanLoss); }, {}});
      CHECK(losses.back() < losses.front() - 0.05);
    }
}

TEST_CASE("reports say where the run stands") {
  TrainOptions options = smallOptions();
  options.schedule = "decay";
  options.learningRateDecay = 0.5;
  Setup setup(options);
  int64_t perEpoch = setup.trainer->updates() / 3;
  std::vector<TrainReport> reports;
  setup.trainer->run({}, {[&](const TrainReport &report) { reports.push_back(report); }, {}});
  CHECK(reports[0].update == 1);
  CHECK(reports[0].epoch == 1);
  CHECK(reports[0].epochs == 3);
  CHECK(!reports[0].isEvaluated);
  CHECK(!reports[0].validationLoss);
  CHECK(reports[0].symbolsPerSecond > 0);
  CHECK(reports[0].gradientNorm > 0);
  CHECK(reports[perEpoch - 1].epoch == 1);
  CHECK(reports[perEpoch - 1].isEvaluated);
  CHECK(reports[perEpoch].epoch == 2);
  CHECK(reports[perEpoch].learningRate == doctest::Approx(0.01));
  CHECK(reports[perEpoch].validationLoss == reports[perEpoch - 1].validationLoss);
  CHECK(reports.back().secondsLeft == 0);
}

TEST_CASE("a run that is stopped and resumed ends with the same bytes as one that is not") {
  for (const char *optimizer : {"adam", "rmsprop"})
    for (bool resetsEachEpoch : {true, false}) {
      CAPTURE(optimizer);
      CAPTURE(resetsEachEpoch);
      TrainOptions options = smallOptions();
      options.optimizer = optimizer;
      options.resetsEachEpoch = resetsEachEpoch;
      TemporaryFolder folder;
      Setup whole(options);
      whole.trainer->run({folder / "whole", folder / "whole best", folder / "whole.csv"});
      TrainFiles files = {folder / "parts", folder / "parts best", folder / "parts.csv"};
      // Stops in the middle of an epoch, between log lines, at an epoch's end, and at once.
      int64_t perEpoch = whole.trainer->updates() / 3;
      for (int64_t count : {int64_t{10}, perEpoch - 10, int64_t{0}, perEpoch / 2, perEpoch * 3}) {
        Setup part(options);
        part.model.initialize(1234); // must not matter after the first part
        if (std::filesystem::exists(files.checkpoint))
          part.trainer->restore(readCheckpoint(files.checkpoint));
        else
          part.model.initialize(static_cast<uint64_t>(options.seed));
        TrainResult result = part.trainer->run(files, stopAfter(count));
        CHECK(result.isFinished == (count == perEpoch * 3));
      }
      CHECK(readFile(folder / "parts") == readFile(folder / "whole"));
      CHECK(readFile(folder / "parts best") == readFile(folder / "whole best"));
    }
}

TEST_CASE("a run that was killed goes on from its last checkpoint to the same bytes") {
  TrainOptions options = smallOptions();
  options.checkpointEvery = 9;
  TemporaryFolder folder;
  Setup whole(options);
  whole.trainer->run({folder / "whole", "", folder / "whole.csv"});
  TrainFiles files = {folder / "parts", "", folder / "parts.csv"};
  {
    // Killed: the program ends in an update, and its checkpoint is some updates old.
    Setup killed(options);
    TrainCallbacks callbacks;
    callbacks.report = [](const TrainReport &report) {
      if (report.update == 24)
        throw std::runtime_error("killed");
    };
    CHECK_THROWS_AS(killed.trainer->run(files, callbacks), std::runtime_error);
  }
  Checkpoint checkpoint = readCheckpoint(files.checkpoint);
  CHECK(checkpoint.progress.updates == 18);
  Setup resumed(checkpoint.options);
  resumed.trainer->restore(checkpoint);
  resumed.trainer->run(files);
  CHECK(readFile(folder / "parts") == readFile(folder / "whole"));
  // The log has each of its lines once; times differ.
  auto columnOf = [&](const std::string &name) {
    std::vector<std::string> updates;
    std::string text = readFile(folder / name);
    for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
      updates.push_back(text.substr(
          begin, text.find(',', text.find(',', text.find(',', begin) + 1) + 1) - begin));
    return updates;
  };
  CHECK(columnOf("parts.csv") == columnOf("whole.csv"));
}

TEST_CASE("one and two threads end with the same bytes") {
  TemporaryFolder folder;
  TrainOptions options = smallOptions();
  options.epochs = 1;
  Setup(options, 1).trainer->run({folder / "one", "", ""});
  Setup(options, 2).trainer->run({folder / "two", "", ""});
  CHECK(readFile(folder / "one") == readFile(folder / "two"));
}

TEST_CASE("what is written along the way does not change the run") {
  TemporaryFolder folder;
  TrainOptions options = smallOptions();
  Setup silent(options), busy(options);
  silent.trainer->run({folder / "silent", "", ""});
  busy.trainer->run({folder / "busy", folder / "best", folder / "log.jsonl"});
  CHECK(readFile(folder / "silent") == readFile(folder / "busy"));
}

TEST_CASE("the best checkpoint is that of the lowest validation loss") {
  TrainOptions options = smallOptions();
  options.schedule = "constant";
  options.learningRate = 0.3; // too fast to go down all the way
  options.evalEvery = 5;
  TemporaryFolder folder;
  Setup setup(options);
  double lowest = 1e9;
  int64_t update = 0;
  TrainResult result = setup.trainer->run(
      {"", folder / "best", ""}, {[&](const TrainReport &report) {
                                    if (report.isEvaluated && *report.validationLoss < lowest) {
                                      lowest = *report.validationLoss;
                                      update = report.update;
                                    }
                                  },
                                  {}});
  REQUIRE(update != result.updates);
  Checkpoint best = readCheckpoint(folder / "best");
  CHECK(best.progress.updates == update);
  CHECK(best.progress.bestLoss == lowest);
  CHECK(result.bestUpdate == update);
  loadParams(best, setup.model);
  Setup other(options);
  SplitText split = splitText(other.symbols, splitSettingsOf(options));
  CHECK(setup.model.evaluate(split.validation) == lowest);
}

TEST_CASE("a loss that is not finite stops the run and the last checkpoint stays") {
  TemporaryFolder folder;
  TrainOptions options = smallOptions();
  options.checkpointEvery = 4;
  TrainFiles files = {folder / "checkpoint", "", folder / "log.csv"};
  Setup setup(options);
  TrainCallbacks callbacks;
  callbacks.report = [&](const TrainReport &report) {
    if (report.update == 6)
      setup.model.values()[3] = std::nanf("");
  };
  CHECK(errorOf([&] { setup.trainer->run(files, callbacks); }) ==
        "the loss is nan in update 7 of epoch 1; the checkpoint of update 4 stays in `" +
            files.checkpoint + "`; a smaller `learning-rate` or `clip-norm` may help");
  Checkpoint checkpoint = readCheckpoint(files.checkpoint);
  CHECK(checkpoint.progress.updates == 4);
  for (const Tensor &tensor : checkpoint.tensors)
    for (float value : toFloats(tensor))
      CHECK(std::isfinite(value));
}

TEST_CASE("a resumed run that fails says what stays") {
  TemporaryFolder folder;
  Setup setup(smallOptions());
  setup.trainer->run({folder / "checkpoint", "", ""}, stopAfter(3));
  Setup resumed(smallOptions());
  resumed.trainer->restore(readCheckpoint(folder / "checkpoint"));
  resumed.model.values()[3] = std::nanf("");
  CHECK(errorOf([&] {
          resumed.trainer->run({folder / "checkpoint", "", ""});
        }) ==
        "the loss is nan in update 4 of epoch 1; the checkpoint of update 3 stays, no other was "
        "written; a smaller `learning-rate` or `clip-norm` may help");
  CHECK(readCheckpoint(folder / "checkpoint").progress.updates == 3);
}

TEST_CASE("parameters that are not finite are never written") {
  TemporaryFolder folder;
  TrainOptions options = smallOptions();
  options.checkpointEvery = 1;
  options.optimizer = "sgd";
  options.schedule = "constant";
  options.clipNorm = 0;
  options.learningRate = 1e38;
  options.gradient = "step-sum";
  Setup setup(options);
  std::string message = errorOf([&] { setup.trainer->run({folder / "checkpoint", "", ""}); });
  CAPTURE(message);
  CHECK(message.find("in update ") != std::string::npos);
  if (std::filesystem::exists(folder / "checkpoint"))
    for (const Tensor &tensor : readCheckpoint(folder / "checkpoint").tensors)
      if (tensor.name.starts_with("param."))
        for (float value : toFloats(tensor))
          CHECK(std::isfinite(value));
}

TEST_CASE("a checkpoint that cannot be written is an error, and the one before stays") {
  TemporaryFolder folder;
  std::string missing = folder / "none/checkpoint";
  // Before the first update, not with the first checkpoint.
  TrainCallbacks callbacks;
  callbacks.report = [](const TrainReport &) { FAIL("trained"); };
  CHECK(errorOf([&] {
          Setup(smallOptions()).trainer->run({missing, "", ""}, callbacks);
        }).starts_with("cannot write `" + missing + "`"));
  CHECK(errorOf([&] {
          Setup(smallOptions()).trainer->run({"", missing, folder / "log"}, callbacks);
        }).starts_with("cannot write `" + missing + "`"));
  CHECK(folder.names().empty());

  Setup setup(smallOptions());
  setup.trainer->run({folder / "checkpoint", "", ""}, stopAfter(2));
  std::string before = readFile(folder / "checkpoint");
  std::string message;
  {
    FileSizeLimit limit(1000);
    message = errorOf([&] { setup.trainer->run({folder / "checkpoint", "", ""}); });
  }
  CHECK(message.find("writing failed: File too large") != std::string::npos);
  CHECK(readFile(folder / "checkpoint") == before);
  CHECK(folder.names() == std::vector<std::string>{"checkpoint"});
}

TEST_CASE("a checkpoint of another run is refused") {
  TemporaryFolder folder;
  Setup setup(smallOptions());
  setup.trainer->run({folder / "c", "", ""}, stopAfter(2));
  const Checkpoint good = readCheckpoint(folder / "c");
  auto problemWith = [&](auto change) {
    Checkpoint checkpoint = good;
    change(checkpoint);
    return errorOf([&] { Setup(smallOptions()).trainer->restore(checkpoint); });
  };
  CHECK(problemWith([](Checkpoint &) {}).empty());
  CHECK(problemWith([](Checkpoint &c) {
          c.progress.textDigest ^= 1;
        }).starts_with("the checkpoint was trained with another text"));
  CHECK(problemWith([](Checkpoint &c) { c.options.optimizer = "sgd"; }) ==
        "the checkpoint was trained with optimizer sgd, this run has adam");
  CHECK(problemWith([](Checkpoint &c) { c.options.batchSize = 3; }) ==
        "the checkpoint was trained with batch-size 3, this run has 6");
  CHECK(problemWith([](Checkpoint &c) {
          c.vocabulary = Vocabulary(SymbolUnit::Bytes, {1, 2, 3, 4, 5, 6, 7});
        }).starts_with("the checkpoint was trained with another text"));
}

TEST_CASE("maximum updates end a run inside an epoch") {
  TrainOptions options = smallOptions();
  options.maxUpdates = 5;
  Setup setup(options);
  TrainResult result = setup.trainer->run({});
  CHECK(result.updates == 5);
  CHECK(result.isFinished);
  // There is an evaluation at the end.
  CHECK(result.validationLoss);
}

TEST_CASE("clipping limits what the optimizer sees") {
  // With plain SGD the step is the learning rate times the gradient.
  for (bool byNorm : {false, true}) {
    TrainOptions options = smallOptions();
    options.optimizer = "sgd";
    options.schedule = "constant";
    options.learningRate = 1;
    options.maxUpdates = 1;
    options.clipNorm = byNorm ? 1e-3 : 0;
    options.clipValue = byNorm ? 0 : 1e-3;
    Setup setup(options);
    std::vector<float> before(setup.model.values().begin(), setup.model.values().end());
    setup.trainer->run({});
    double norm = 0, largest = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      double step = before[i] - setup.model.values()[i];
      norm += step * step;
      largest = std::max(largest, std::abs(step));
    }
    // Differences of floats around 1.
    if (byNorm)
      CHECK(std::sqrt(norm) == doctest::Approx(1e-3).epsilon(1e-3));
    else
      CHECK(largest == doctest::Approx(1e-3).epsilon(1e-3));
  }
}

TEST_CASE("char-rnn's gradient is as many times the mean's as there are steps") {
  double norms[2];
  for (bool isSum : {false, true}) {
    TrainOptions options = smallOptions();
    options.gradient = isSum ? "step-sum" : "mean";
    options.maxUpdates = 1;
    Setup setup(options);
    setup.trainer->run(
        {}, {[&](const TrainReport &report) { norms[isSum] = report.gradientNorm; }, {}});
  }
  CHECK(norms[1] == doctest::Approx(10 * norms[0]).epsilon(1e-5));
}
