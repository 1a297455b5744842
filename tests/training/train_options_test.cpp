#include "training/train_options.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <set>

using namespace cellwright;

TEST_CASE("every option has a name of its own and help, and takes its own text back") {
  std::set<std::string_view> names;
  TrainOptions defaults;
  for (const TrainOptionInfo &info : trainOptionInfos()) {
    CAPTURE(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(!info.help.empty());
    TrainOptions options;
    setTrainOption(options, info.name, trainOptionText(defaults, info));
    CHECK(options == defaults);
  }
}

TEST_CASE("options are set from texts and stand in JSON") {
  TrainOptions options;
  setTrainOption(options, "optimizer", "sgd");
  setTrainOption(options, "nesterov", "true");
  setTrainOption(options, "learning-rate", "0.1");
  setTrainOption(options, "seq-length", "35");
  CHECK(options.optimizer == "sgd");
  CHECK(options.isNesterov);
  CHECK(options.learningRate == 0.1);
  CHECK(options.seqLength == 35);
  CHECK(parseTrainOptions(formatTrainOptions(options)) == options);
  for (const TrainPreset &preset : trainPresets())
    CHECK(parseTrainOptions(formatTrainOptions(preset.options)) == preset.options);
}

TEST_CASE("options that an older file lacks keep their defaults") {
  TrainOptions expected;
  expected.epochs = 3;
  CHECK(parseTrainOptions(R"({"epochs":3})") == expected);
}

TEST_CASE("bad names and values are refused with what was expected") {
  auto problem = [](std::string_view name, std::string_view value) {
    return errorOf([&] {
      TrainOptions options;
      setTrainOption(options, name, value);
    });
  };
  CHECK(problem("epoch", "3") == "unknown training option `epoch`");
  CHECK(problem("epochs", "3.5") == "epochs: expected an integer, got `3.5`");
  CHECK(problem("epochs", "") == "epochs: expected an integer, got ``");
  CHECK(problem("epochs", "-1") == "epochs: expected an integer from 0 to 1000000000, got -1");
  CHECK(problem("batch-size", "0") == "batch-size: expected an integer from 1 to 1000000, got 0");
  CHECK(problem("learning-rate", "fast") == "learning-rate: expected a number, got `fast`");
  CHECK(problem("learning-rate", "-2") ==
        "learning-rate: expected a finite number of at least 0, got -2");
  CHECK(problem("learning-rate", "inf") ==
        "learning-rate: expected a finite number of at least 0, got inf");
  CHECK(problem("learning-rate", "-1").empty());
  CHECK(problem("beta1", "1") == "beta1: expected a number from 0 to below 1, got 1");
  CHECK(problem("train-fraction", "1.5") ==
        "train-fraction: expected a number from 0 to 1, got 1.5");
  CHECK(problem("clip-value", "-1") ==
        "clip-value: expected a finite number of at least 0, got -1");
  CHECK(problem("clip-value", "nan") ==
        "clip-value: expected a finite number of at least 0, got nan");
  CHECK(problem("nesterov", "yes") == "nesterov: expected `true` or `false`, got `yes`");
  CHECK(problem("split", "lines") == "split: expected one of streams, text, got `lines`");
  CHECK(problem("optimizer", "adamax") ==
        "optimizer: expected one of sgd, rmsprop, adagrad, adadelta, adam, adamw, got `adamax`");
  CHECK(errorOf([] { parseTrainOptions(R"({"epochs":"3"})"); }) ==
        "epochs: its value has the wrong type");
  CHECK(errorOf([] { parseTrainOptions("[]"); }) == "the training options are no JSON object");
  CHECK(errorOf([] { findTrainPreset("fast"); }) ==
        "unknown preset `fast`; there are default, char-rnn");
}

TEST_CASE("fractions that are together more than the text are refused") {
  TrainOptions options;
  checkTrainOptions(options);
  options.trainFraction = 1;
  CHECK(errorOf([&] { checkTrainOptions(options); }) ==
        "train-fraction 1 and validation-fraction 0.05 are together more than 1; give both");
}

TEST_CASE("char-rnn's preset has train.lua's numbers") {
  TrainOptions options = findTrainPreset("char-rnn").options;
  CHECK(options.batchSize == 50);
  CHECK(options.seqLength == 50);
  CHECK(options.epochs == 50);
  CHECK(options.trainFraction == 0.95);
  CHECK(options.validationFraction == 0.05);
  CHECK(learningRateOf(options) == 2e-3);
  CHECK(optimizerSettingsOf(options).decayRate == 0.95);
  CHECK(optimizerSettingsOf(options).epsilon == 1e-8);
  CHECK(scheduleSettingsOf(options).factor == 0.97);
  CHECK(scheduleSettingsOf(options).after == 10);
  CHECK(options.clipValue == 5);
  CHECK(options.clipNorm == 0);
}

TEST_CASE("an optimizer's own defaults hold where nothing is said") {
  TrainOptions options;
  options.optimizer = "adamw";
  options.beta2 = 0.95;
  OptimizerSettings settings = optimizerSettingsOf(options);
  CHECK(settings.beta1 == 0.9);
  CHECK(settings.beta2 == 0.95);
  CHECK(settings.weightDecay == 0.01);
  CHECK(learningRateOf(options) == findOptimizer("adamw").learningRate);
}
