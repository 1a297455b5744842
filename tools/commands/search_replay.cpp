// `search replay`: strategies compared on recorded learning curves.
#include "fmt/format.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/replay_tables.h"
#include "tools/search_arguments.h"

#include <iostream>
#include <memory>
#include <sstream>

namespace cellwright {

namespace {

struct ReplayArguments {
  std::string path;
  std::vector<std::string> strategies = {"random", "halving", "asha"};
  ReplayOptions options;
  bool isJson = false;
};

/// Reads `asha:evolution,factor=3`.
ReplayedStrategy parseStrategy(const std::string &text) {
  std::istringstream parts(text);
  ReplayedStrategy strategy;
  std::getline(parts, strategy.name, ',');
  for (std::string part; std::getline(parts, part, ',');) {
    size_t equals = part.find('=');
    if (equals == std::string::npos)
      throw UsageError(fmt::format(
          "--strategy: expected options as `NAME=NUMBER`, found `{}` in `{}`", part, text));
    std::string name = part.substr(0, equals);
    auto value = parseOption("--strategy: " + name, part.substr(equals + 1), Range<double>{});
    if (!strategy.options.emplace(name, value).second)
      throw UsageError(fmt::format("--strategy: `{}` has two values in `{}`", name, text));
  }
  return strategy;
}

int run(const ReplayArguments &arguments) {
  ReplayOptions options = arguments.options;
  for (const std::string &text : arguments.strategies)
    options.strategies.push_back(parseStrategy(text));
  CountedProgressLine line("search");
  options.progress = [&line](int64_t done, int64_t all) { line.show(done, all); };
  ReplayReport report = replayStrategies(readRecording(arguments.path), options);
  line.clear();
  std::cout << (arguments.isJson ? replayJson(report) : replayText(report));
  return kDone;
}

} // namespace

Run addSearchReplay(CLI::App &app) {
  auto arguments = std::make_shared<ReplayArguments>();
  ReplayOptions &options = arguments->options;
  app.add_option("PATH", arguments->path,
                 "recorded curves, or the folder of their file: lines of JSON with `recipe` and "
                 "`val`, the losses after each epoch")
      ->required();
  app.add_option("--strategy", arguments->strategies,
                 "a strategy, with options behind commas, `asha:evolution,factor=3`; once for each "
                 "that is compared, to the first")
      ->default_str("random, halving and asha")
      ->type_name("NAME");
  addNumber(app, "--seeds", options.seeds, Range<int64_t>{1, 10'000}, "searches of each strategy");
  addNumber(app, "--epochs", options.epochs, Range<int64_t>{1, 100'000},
            "that each search spends, if there are so many to be trained");
  addSeed(app, options.seed, "of the first search; the others have the next");
  app.add_flag("--json", arguments->isJson, "an object, with the curves at every epoch");
  app.footer("Strategies, with their options:" + listStrategies() + "\n");
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
