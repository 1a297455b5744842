// See compiled_step.h.
#include "codegen/compiled_step.h"

#include "codegen/compilation.h"
#include "codegen/emit/step_emitter.h"
#include "codegen/linked_object.h"
#include "codegen/lower.h"
#include "runtime/error.h"

#include "llvm/IR/LLVMContext.h"

#include <cstring>

namespace cellwright {

struct CompiledStep::Parts {
  KernelDescription description;
  StepFunctions functions;
  std::optional<LinkedObject> code;
  std::vector<std::byte> memory;
  void (*resetStates)(void *) = nullptr;
  void (*stepOf)(void *, const void *const *, void *) = nullptr;
};

CompiledStep::CompiledStep(const Cell &cell, const Bound &bound, const CompileOptions &options,
                           std::span<const void *const> params)
    : parts(std::make_unique<Parts>()) {
  Target target = targetOfSteps(targetOrThrow(options.target));
  CompileOptions atEvaluation = options;
  atEvaluation.isTraining = atEvaluation.hasBackward = atEvaluation.stateAdjoints = false;
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, atEvaluation, nullptr);
  parts->description = compilation.emit(target, options.isDouble);
  parts->functions = emitStep(compilation.emitted(), parts->description, target, "cell", {});
  lowerToLlvmDialect(compilation.emitted());
  const StepFunctions &names = parts->functions;
  llvm::LLVMContext context;
  auto module = translateToLlvm(compilation.emitted(), target, context);
  inlineSteps(*module, target,
              {names.init, names.reset, names.setStates, names.getStates, names.stepOf},
              names.stepOf);
  parts->code.emplace(writeObject(*module, target, Placement::Anywhere), parts->description.name);

  const auto &all = parts->description.params;
  CELLWRIGHT_CHECK(params.size() == all.size(), "`{}` has {} parameters, got {}",
                   parts->description.name, all.size(), params.size());
  size_t elementBytes = options.isDouble ? 8 : 4;
  std::vector<std::byte> packed;
  for (size_t i = 0; i < all.size(); ++i) {
    auto begin = static_cast<const std::byte *>(params[i]);
    packed.insert(packed.end(), begin, begin + elementBytes * all[i].rows * all[i].columns);
  }
  parts->memory.resize(names.elements * elementBytes);
  parts->code->lookup<void (*)(void *, const void *)>(names.init)(parts->memory.data(),
                                                                  packed.data());
  parts->resetStates = parts->code->lookup<void (*)(void *)>(names.reset);
  parts->stepOf = parts->code->lookup<void (*)(void *, const void *const *, void *)>(names.stepOf);
}
CompiledStep::~CompiledStep() = default;
CompiledStep::CompiledStep(CompiledStep &&) noexcept = default;

void CompiledStep::reset() { parts->resetStates(parts->memory.data()); }

void CompiledStep::setStates(const void *states) {
  parts->code->lookup<void (*)(void *, const void *)>(parts->functions.setStates)(
      parts->memory.data(), states);
}

void CompiledStep::getStates(void *states) const {
  parts->code->lookup<void (*)(void *, void *)>(parts->functions.getStates)(parts->memory.data(),
                                                                            states);
}

void CompiledStep::step(std::span<const void *const> inputs, void *output) {
  parts->stepOf(parts->memory.data(), inputs.data(), output);
}

} // namespace cellwright
