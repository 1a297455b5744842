// `eval lm`: loss of a trained model on a text.
#include "nlohmann/json.hpp"
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "training/checkpoint.h"

#include <cmath>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct EvalLmArguments {
  std::string model, text;
  std::string part = "all";
  int64_t streams = 1;
  // One thread if not given: a step of one stream is microseconds of work, so where the processors
  // are shared threads would mostly wait for each other.
  EngineArguments engine;
  bool isJson = false;
};

/// The part of the text that is asked for: all of it, or one of the parts that training made of it.
Batches chooseBatches(const EvalLmArguments &arguments, const Checkpoint &checkpoint,
                      const std::vector<int32_t> &symbols) {
  constexpr int64_t kSteps =
      1000; // of a batch; states are carried, so it does not change the result
  if (arguments.part == "all")
    return makeEvalBatches(symbols, arguments.streams, kSteps);
  SplitText split = splitText(symbols, splitSettingsOf(checkpoint.options));
  CELLWRIGHT_CHECK(digestOf(split.train, split.validation) == checkpoint.progress.textDigest,
                   "`{}` is not the text that `{}` was trained with, or that had a text of its own "
                   "for validation; only --part all goes",
                   arguments.text, arguments.model);
  Batches batches = arguments.part == "train"        ? split.train
                    : arguments.part == "validation" ? split.validation
                                                     : split.test;
  CELLWRIGHT_CHECK(batches.count() > 0, "the split of the checkpoint leaves nothing for `{}`",
                   arguments.part);
  return batches;
}

double evaluate(LanguageModel &model, const Batches &batches) {
  CountedProgressLine line("batch");
  double loss = model.evaluate(batches, [&](int64_t done, int64_t all) {
    auto symbols = static_cast<double>(done * batches.streams * batches.steps);
    line.show(done, all, fmt::format("  {} symbols/s", formatRate(symbols / line.seconds())));
    return true;
  });
  line.clear();
  return loss;
}

int run(const EvalLmArguments &arguments) {
  Checkpoint checkpoint = readCheckpoint(arguments.model);
  std::string text = readText(arguments.text);
  std::vector<int32_t> symbols = checkpoint.vocabulary.encode(text, arguments.text);
  Batches batches = chooseBatches(arguments, checkpoint, symbols);
  ModelDescription description = ModelDescription::fromConfiguration(checkpoint.configuration);
  BuildOptions build{arguments.engine.compileOptions(), arguments.engine.threads};
  build.batchRows = batches.streams * batches.steps;
  BuiltModel built(description, checkpoint.vocabulary.size(), build);
  loadParams(checkpoint, built.model());
  double loss = evaluate(built.model(), batches);
  CELLWRIGHT_CHECK(std::isfinite(loss), "the loss is {}: the model's parameters are not usable",
                   loss);
  if (arguments.isJson) {
    nlohmann::ordered_json report = {{"nats_per_symbol", loss},
                                     {"bits_per_symbol", loss / std::log(2.0)},
                                     {"perplexity", std::exp(loss)},
                                     {"symbols", batches.symbolCount()}};
    std::cout << report.dump(2) << "\n";
  } else {
    std::cout << fmt::format(
        "{:.4f} nats per symbol, {:.4f} bits, perplexity {:.3f}, over {} symbols\n", loss,
        loss / std::log(2.0), std::exp(loss), batches.symbolCount());
  }
  return kDone;
}

} // namespace

Run addEvalLm(CLI::App &app) {
  auto arguments = std::make_shared<EvalLmArguments>();
  addPath(app, "--model", arguments->model, "checkpoint of `train lm`")->required();
  addPath(app, "--text", arguments->text, "the text")->required();
  addChoice(app, "--part", arguments->part, {"all", "train", "validation", "test"},
            "all of the text, or a part as training split it: train, validation, test");
  addNumber(app, "--streams", arguments->streams, Range<int64_t>{1, 100'000},
            "with --part all: streams that are read side by side, each from zero states; 1 is "
            "exact, more are faster, the more so with --threads");
  app.add_flag("--json", arguments->isJson, "an object");
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
