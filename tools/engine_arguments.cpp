// See engine_arguments.h.
#include "tools/engine_arguments.h"

#include "codegen/target.h"
#include "fmt/ranges.h"
#include "tools/options.h"

#include <sched.h>

namespace cellwright {

int availableThreads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}

static constexpr const char *kGroup = "Machine";

void EngineArguments::addType(CLI::App &app) {
  addChoice(app, "--dtype", elementType, {"f32", "f64"}, "element type of kernels");
}

void EngineArguments::addTarget(CLI::App &app) {
  std::vector<std::string> names;
  for (std::string_view name : targetNames())
    names.emplace_back(name);
  addChoice(app, "--target", target, names,
            fmt::format("processor that kernels are made for: {}", fmt::join(names, ", ")))
      ->group(kGroup);
}

void EngineArguments::addMachine(CLI::App &app) {
  addTarget(app);
  addNumber(app, "--threads", threads, Range<int64_t>{1, 1024},
            "threads; results are the same for every number")
      ->group(kGroup);
  addCache(app);
}

void EngineArguments::addCache(CLI::App &app) {
  app.add_flag_callback(
         "--no-cache", [this] { usesCache = false; }, "compile even if the cache has the kernel")
      ->group(kGroup);
}

CompileOptions EngineArguments::compileOptions() const {
  CompileOptions options;
  options.target = target;
  options.isDouble = isDouble();
  if (usesCache)
    options.cacheDirectory = defaultCacheDirectory();
  return options;
}

} // namespace cellwright
