// `search replay`: strategies compared on recorded learning curves.
#include "tools/command.h"
#include "tools/options.h"
#include "tools/replay_arguments.h"
#include "tools/search_arguments.h"

#include <memory>

namespace cellwright {

Run addSearchReplay(CLI::App &app) {
  auto arguments = std::make_shared<ReplayArguments>();
  arguments->strategies = {"random", "halving", "asha"};
  ReplayOptions &options = arguments->options;
  app.add_option("PATH", arguments->path,
                 "recorded curves, or the folder of their file: lines of JSON with `recipe` and "
                 "`val`, the losses after each epoch")
      ->required();
  app.add_option("--strategy", arguments->strategies,
                 "a strategy, with options behind commas, `asha:evolution,factor=3`; once for each "
                 "that is compared, to the first")
      ->default_str("random, halving and asha")
      ->type_name("NAME")
      ->allow_extra_args(false);
  addNumber(app, "--seeds", options.seeds, Range<int64_t>{1, 10'000}, "searches of each strategy");
  addNumber(app, "--epochs", options.epochs, Range<int64_t>{1, 100'000},
            "that each search spends, if there are so many to be trained");
  addSeed(app, options.seed, "of the first search; the others have the next");
  app.add_flag("--json", arguments->isJson, "an object, with the curves at every epoch");
  app.footer("Strategies, with their options:" + listStrategies() + "\n");
  return [arguments] { return arguments->run(); };
}

} // namespace cellwright
