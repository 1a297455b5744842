// `sample`: text from a trained model.
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "tools/options.h"
#include "training/checkpoint.h"
#include "training/sampler.h"

#include <iostream>
#include <memory>
#include <utility>

namespace cellwright {

namespace {

struct SampleArguments {
  std::string model;
  SampleOptions sample;
  EngineArguments engine;
};

int run(const SampleArguments &arguments) {
  Checkpoint checkpoint = readCheckpoint(arguments.model);
  ModelDescription description = ModelDescription::fromConfiguration(checkpoint.configuration);
  BuiltModel built(description, checkpoint.vocabulary.size(),
                   {arguments.engine.compileOptions(), arguments.engine.threads});
  loadParams(checkpoint, built.model());
  // Printed when it is known to be good, with the first symbol.
  std::string prime = arguments.sample.prime.value_or("");
  sampleText(built.model(), checkpoint.vocabulary, arguments.sample, [&](std::string_view symbol) {
    std::cout << std::exchange(prime, "") << symbol << std::flush;
    return std::cout.good();
  });
  std::cout << prime;
  std::cout << "\n";
  return kDone;
}

} // namespace

Run addSample(CLI::App &app) {
  auto arguments = std::make_shared<SampleArguments>();
  SampleOptions &sample = arguments->sample;
  addPath(app, "--model", arguments->model, "checkpoint of `train lm`")->required();
  addNumber(app, "--length", sample.length, Range<int64_t>{0, 1'000'000'000}, "symbols to sample");
  addNumber(app, "--temperature", sample.temperature, Range<double>{0, 100},
            "below 1 is safer, above 1 wilder, 0 the most likely symbol each time");
  addNumber(app, "--top-k", sample.topK, Range<int64_t>{0, 1'000'000},
            "draw from the most likely so many symbols; 0: all");
  app.add_option_function<std::string>(
         "--prime", [&sample](const std::string &text) { sample.prime = text; },
         "text that the model has read before; it is printed first")
      ->type_name("TEXT");
  addSeed(app, sample.seed, "the same seed gives the same text");
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
