// See replay_arguments.h.
#include "tools/replay_arguments.h"

#include "tools/options.h"
#include "tools/progress.h"
#include "tools/replay_tables.h"
#include "tools/search_arguments.h"

#include <iostream>
#include <sstream>

namespace cellwright {

/// Reads `asha:evolution,factor=3`.
static ReplayedStrategy parseStrategy(const std::string &text) {
  std::istringstream parts(text);
  ReplayedStrategy strategy;
  std::getline(parts, strategy.name, ',');
  for (std::string part; std::getline(parts, part, ',');)
    addStrategyOption("--strategy", part, strategy.options);
  return strategy;
}

int ReplayArguments::run() const {
  ReplayOptions all = options;
  for (const std::string &text : strategies)
    all.strategies.push_back(parseStrategy(text));
  CountedProgressLine line("search");
  all.progress = [&line](int64_t done, int64_t count) { line.show(done, count); };
  ReplayReport report = replayStrategies(readRecording(path), all);
  line.clear();
  std::cout << (isJson ? replayJson(report) : replayText(report));
  return kDone;
}

} // namespace cellwright
