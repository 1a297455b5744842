// `eval lm`: loss of a trained model on a text.
#include "nlohmann/json.hpp"
#include "runtime/files.h"
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
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
  Batches batches = arguments.part == "train"        ? split.train
                    : arguments.part == "validation" ? split.validation
                                                     : split.test;
  CELLWRIGHT_CHECK(batches.count() > 0, "the split of the checkpoint leaves nothing for `{}`",
                   arguments.part);
  return batches;
}

int run(const EvalLmArguments &arguments) {
  Checkpoint checkpoint = readCheckpoint(arguments.model);
  BuiltModel built(ModelDescription::fromConfiguration(checkpoint.configuration),
                   checkpoint.vocabulary.size(), arguments.engine.compileOptions(),
                   arguments.engine.threads, false);
  loadParams(checkpoint, built.model());
  std::string text = readFile(arguments.text);
  std::vector<int32_t> symbols = checkpoint.vocabulary.encode(text, arguments.text);
  Batches batches = chooseBatches(arguments, checkpoint, symbols);
  double loss = built.model().evaluate(batches);
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
  return std::isfinite(loss) ? kDone : kBadInput;
}

} // namespace

Run addEvalLm(CLI::App &app) {
  auto arguments = std::make_shared<EvalLmArguments>();
  arguments->engine.threads = availableThreads();
  app.add_option("--model", arguments->model, "checkpoint of `train lm`")->required();
  app.add_option("--text", arguments->text, "the text")->required();
  app.add_option("--part", arguments->part, "all of the text, or a part as training split it")
      ->check(CLI::IsMember({"all", "train", "validation", "test"}))
      ->capture_default_str();
  app.add_option("--streams", arguments->streams,
                 "with --part all: streams that are read side by side, each from zero states; 1 is "
                 "exact, more are faster")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_flag("--json", arguments->isJson, "machine-readable");
  arguments->engine.add(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
