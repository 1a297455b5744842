// The arguments that say how a cell is compiled and run: element type, target, threads.
#pragma once

#include "codegen/compile.h"
#include "tools/command.h"

#include <string>

namespace cellwright {

struct EngineArguments {
  std::string elementType = "f32";
  std::string target = "native";
  int threads = 1;
  bool usesCache = true;

  /// Adds --dtype.
  void addType(CLI::App &app);
  /// Adds --target.
  void addTarget(CLI::App &app);
  /// Adds --no-cache.
  void addCache(CLI::App &app);
  /// Adds --target, --threads and --no-cache.
  void addMachine(CLI::App &app);

  bool isDouble() const { return elementType == "f64"; }
  CompileOptions compileOptions() const;
};

/// Processors of this machine that the process may use.
int availableThreads();

} // namespace cellwright
