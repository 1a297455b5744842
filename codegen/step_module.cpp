// See step_module.h.
#include "codegen/step_module.h"

#include "codegen/compilation.h"
#include "codegen/lower.h"

namespace cellwright {

/// Unrolled loops are faster on weights in the first cache, and slower on weights that come from
/// further away: a prefetcher follows some twenty loads of a loop and no more (Zen 5, lstm, H =
/// 128: 3.8 us with loops unrolled four times, 2.0 without).
static bool unrollsLoops(const KernelDescription &description) {
  constexpr int64_t kFirstCacheBytes = 32 << 10;
  int64_t bytes = 0;
  for (const PhaseDescription &phase : description.phases)
    bytes += phase.weightBytes;
  return bytes <= kFirstCacheBytes;
}

StepModule makeStepModule(const Cell &cell, const Bound &bound, const CompileOptions &options,
                          const Target &target, const std::string &prefix,
                          const std::vector<std::vector<std::byte>> &weights,
                          llvm::LLVMContext &context) {
  CompileOptions atEvaluation = options;
  atEvaluation.isTraining = atEvaluation.hasBackward = atEvaluation.stateAdjoints = false;
  Target forSteps = targetOfSteps(target);
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, atEvaluation, nullptr);
  StepModule step;
  step.description = compilation.emit(forSteps, options.isDouble);
  step.functions = emitStep(compilation.emitted(), step.description, forSteps, prefix, weights);
  lowerToLlvmDialect(compilation.emitted());
  step.code = translateToLlvm(compilation.emitted(), forSteps, context);
  inlineSteps(*step.code, forSteps, step.functions, unrollsLoops(step.description));
  return step;
}

} // namespace cellwright
