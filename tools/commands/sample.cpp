// `sample`: text from a trained model.
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "training/checkpoint.h"
#include "training/sampler.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct SampleArguments {
  std::string model;
  SampleOptions sample;
  EngineArguments engine;
};

int run(const SampleArguments &arguments) {
  Checkpoint checkpoint = readCheckpoint(arguments.model);
  BuiltModel built(ModelDescription::fromConfiguration(checkpoint.configuration),
                   checkpoint.vocabulary.size(), arguments.engine.compileOptions(),
                   arguments.engine.threads, false);
  loadParams(checkpoint, built.model());
  if (arguments.sample.prime)
    std::cout << *arguments.sample.prime;
  sampleText(built.model(), checkpoint.vocabulary, arguments.sample, [](std::string_view symbol) {
    std::cout << symbol << std::flush;
    return std::cout.good();
  });
  std::cout << "\n";
  return kDone;
}

} // namespace

Run addSample(CLI::App &app) {
  auto arguments = std::make_shared<SampleArguments>();
  SampleOptions &sample = arguments->sample;
  app.add_option("--model", arguments->model, "checkpoint of `train lm`")->required();
  app.add_option("--length", sample.length, "symbols to sample")
      ->check(CLI::Range(0, 1000000000))
      ->capture_default_str();
  app.add_option("--temperature", sample.temperature,
                 "below 1 is safer, above 1 wilder, 0 the most likely symbol each time")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--top-k", sample.topK, "draw from the most likely so many symbols; 0: all")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  app.add_option("--prime", sample.prime, "text that the model has read before");
  app.add_option("--seed", sample.seed, "the same seed gives the same text")->capture_default_str();
  arguments->engine.add(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
