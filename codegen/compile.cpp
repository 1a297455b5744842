// See compile.h.
#include "codegen/compile.h"

#include "codegen/build_digest.h"
#include "codegen/compilation.h"
#include "codegen/kernel_cache.h"
#include "codegen/lower.h"
#include "dsl/analysis.h"
#include "runtime/error.h"

#include "llvm/Config/llvm-config.h"

#include <cstdlib>

namespace cellwright {

/// Everything that the machine code depends on.
static std::string cacheKey(const Cell &cell, const Bound &bound, const CompileOptions &options,
                            const Target &target) {
  std::string key =
      fmt::format("build {} llvm {} abi {}\ntarget {} {} {}\ntype {} training {} backward {} "
                  "state_adjoints {}\nsizes",
                  kBuildDigest, LLVM_VERSION_STRING, CELLWRIGHT_ABI_VERSION, target.name,
                  target.cpu, target.features, options.isDouble ? "f64" : "f32", options.isTraining,
                  options.hasBackward, options.stateAdjoints);
  for (int64_t size : bound.sizes)
    key += fmt::format(" {}", size);
  for (const std::string &input : options.indexInputs)
    key += "\nindex " + input;
  if (options.alteredRule)
    key += "\nrule " + options.alteredRule->function + " " + options.alteredRule->adjoint;
  return key + "\n" + std::string(std::string_view(canonicalText(cell)));
}

std::string defaultCacheDirectory() {
  if (const char *own = std::getenv("CELLWRIGHT_CACHE"))
    return own;
  // A relative path is to be ignored: XDG Base Directory Specification 0.8.
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return std::string(cache) + "/cellwright";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/cellwright";
  return {};
}

CompiledKernel compileCell(const Cell &cell, const Bound &bound, const CompileOptions &options) {
  Target target = targetOrThrow(options.target);
  CELLWRIGHT_CHECK(canRun(target), "this machine cannot run kernels for `{}`; use --target native",
                   target.name);
  checkIndexInputs(cell, options.indexInputs);
  KernelCache cache(options.cacheDirectory, cacheKey(cell, bound, options, target));
  if (auto entry = cache.load()) {
    describeCell(cell, bound, entry->description);
    return CompiledKernel(std::move(entry->description), entry->object);
  }
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, options, nullptr);
  CacheEntry entry;
  entry.description = compilation.emit(target, options.isDouble);
  describeCell(cell, bound, entry.description);
  lowerToLlvmDialect(compilation.emitted());
  entry.object = compileToObject(compilation.emitted(), target);
  cache.store(entry);
  return CompiledKernel(std::move(entry.description), entry.object);
}

std::string printStages(const Cell &cell, const Sources &sources, const Bound &bound,
                        const CompileOptions &options) {
  Target target = targetOrThrow(options.target);
  std::string text;
  llvm::raw_string_ostream stream(text);
  Compilation compilation;
  compilation.schedule(cell, bound, &sources, options, &stream);
  (void)compilation.emit(target, options.isDouble);
  stream << "// ---- emitted\n" << compilation.emitted() << "\n";
  return text;
}

} // namespace cellwright
