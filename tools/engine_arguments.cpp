// See engine_arguments.h.
#include "tools/engine_arguments.h"

#include "codegen/target.h"

#include <sched.h>

namespace cellwright {

int availableThreads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}

void EngineArguments::addTarget(CLI::App &app) {
  app.add_option("--dtype", elementType, "element type of kernels")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  std::vector<std::string> names;
  for (std::string_view name : targetNames())
    names.emplace_back(name);
  app.add_option("--target", target, "processor that kernels are made for")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
}

void EngineArguments::add(CLI::App &app) {
  addTarget(app);
  app.add_option("--threads", threads, "threads; results are the same for every number")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("!--no-cache", usesCache, "compile even if the cache has the kernel");
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
