// See compiled_step.h.
#include "codegen/compiled_step.h"

#include "codegen/compilation.h"
#include "codegen/linked_object.h"
#include "codegen/lower.h"
#include "codegen/step_module.h"
#include "runtime/error.h"
#include "runtime/memory.h"

#include "llvm/IR/LLVMContext.h"

#include <optional>

namespace cellwright {

struct CompiledStep::Parts {
  StepFunctions functions;
  std::optional<LinkedObject> code;
  AlignedBytes memory;
  void (*resetStates)(void *) = nullptr;
  void (*stepOf)(void *, const void *const *, void *) = nullptr;
};

CompiledStep::CompiledStep(const Cell &cell, const Bound &bound, const CompileOptions &options,
                           std::span<const void *const> params)
    : parts(std::make_unique<Parts>()) {
  Target target = targetOrThrow(options.target);
  llvm::LLVMContext context;
  StepModule step = makeStepModule(cell, bound, options, target, "cell", {}, context);
  parts->functions = step.functions;
  parts->code.emplace(writeObject(*step.code, target), step.description.name);

  const auto &all = step.description.params;
  CELLWRIGHT_CHECK(params.size() == all.size(), "`{}` has {} parameters, got {}",
                   step.description.name, all.size(), params.size());
  size_t elementBytes = options.isDouble ? 8 : 4;
  std::vector<std::byte> packed;
  for (size_t i = 0; i < all.size(); ++i) {
    auto begin = static_cast<const std::byte *>(params[i]);
    packed.insert(packed.end(), begin, begin + elementBytes * all[i].rows * all[i].columns);
  }
  const StepFunctions &names = parts->functions;
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
