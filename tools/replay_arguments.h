// Strategies that are compared on recorded learning curves: `search replay`, and `search --replay`.
#pragma once

#include "search/replay_report.h"

#include <string>
#include <vector>

namespace cellwright {

struct ReplayArguments {
  std::string path;
  std::vector<std::string> strategies; // `asha:evolution,factor=3`
  ReplayOptions options;               // those apart
  bool isJson = false;

  /// Runs the searches and prints what came of them; gives the exit status. Throws UsageError and
  /// Error.
  int run() const;
};

} // namespace cellwright
