// See compilation.h.
#include "codegen/compilation.h"

#include "codegen/emit/module_emitter.h"
#include "codegen/import.h"
#include "codegen/initializers.h"
#include "codegen/lower.h"
#include "codegen/pipeline.h"
#include "runtime/error.h"

#include "mlir/Pass/PassManager.h"

#include <algorithm>

using namespace mlir;

namespace cellwright {

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registry.insert<cell::CellDialect>();
  registerEmissionDialects(registry);
  return registry;
}

Compilation::Compilation() : context(makeRegistry(), MLIRContext::Threading::DISABLED) {
  context.loadAllAvailableDialects();
  module = ModuleOp::create(UnknownLoc::get(&context));
}

/// Numbers of the names of sizes, as the first pass takes them: H=256,I=65.
static std::string sizesText(const Cell &cell, const Bound &bound) {
  std::string text;
  for (size_t i = 0; i < cell.dimensions.size(); ++i)
    if (bound.dimensions[i] > 0)
      text += fmt::format("{}{}={}", text.empty() ? "" : ",",
                          std::string_view(cell.dimensions[i].name), bound.dimensions[i]);
  return text;
}

static ScheduleOptions scheduleOptions(const Cell &cell, const Bound &bound,
                                       const CompileOptions &options) {
  ScheduleOptions schedule;
  schedule.sizes = sizesText(cell, bound);
  schedule.isTraining = options.isTraining;
  schedule.hasBackward = options.hasBackward;
  schedule.stateAdjoints = options.stateAdjoints;
  if (options.alteredRule) {
    schedule.alteredFunction = options.alteredRule->function;
    schedule.alteredAdjoint = options.alteredRule->adjoint;
  }
  return schedule;
}

void Compilation::schedule(const Cell &cell, const Bound &bound, const Sources *sources,
                           const CompileOptions &options, llvm::raw_ostream *print) {
  hasBackward = options.hasBackward;
  importCell(cell, sources, options.indexInputs, *module);
  PassManager passes(&context);
  // Our own passes on a checked cell: tests verify after each of them, users need not wait for it.
  passes.enableVerifier(print != nullptr);
  if (print) {
    *print << "// ---- imported\n" << *module << "\n";
    passes.enableIRPrinting([](Pass *, Operation *) { return false; },
                            [](Pass *, Operation *) { return true; },
                            /*printModuleScope=*/true, /*printAfterOnlyOnChange=*/true,
                            /*printAfterOnlyOnFailure=*/false, *print);
  }
  buildSchedule(passes, scheduleOptions(cell, bound, options));
  run(passes);
}

void Compilation::differentiate(const Cell &cell, const Bound &bound,
                                const CompileOptions &options) {
  hasBackward = options.hasBackward;
  importCell(cell, nullptr, options.indexInputs, *module);
  PassManager passes(&context);
  passes.enableVerifier(false);
  buildDifferentiation(passes, scheduleOptions(cell, bound, options));
  run(passes);
}

void Compilation::run(PassManager &passes) {
  if (failed(passes.run(*module)))
    llvm_unreachable("a checked cell with numbers can be scheduled");
}

cell::CellOp Compilation::scheduled() { return *module->getOps<cell::CellOp>().begin(); }

KernelDescription Compilation::emit(const Target &target, bool isDouble) {
  code = ModuleOp::create(UnknownLoc::get(&context));
  ModuleEmitter emitter(scheduled(), *code, target, isDouble);
  emitter.emit();
  KernelDescription description = emitter.takeDescription();
  // Also of a cell that has nothing to go back to: a layer of frozen parameters over indices.
  description.hasBackward = hasBackward;
  return description;
}

Target targetOrThrow(const std::string &name) {
  if (auto target = findTarget(name))
    return *target;
  std::string known;
  for (std::string_view other : targetNames())
    known += (known.empty() ? "`" : ", `") + std::string(other) + "`";
  throw Error(fmt::format("unknown target `{}`; expected one of {}", name, known));
}

void checkIndexInputs(const Cell &cell, const std::vector<std::string> &names) {
  for (const std::string &name : names)
    CELLWRIGHT_CHECK(std::any_of(cell.inputs.begin(), cell.inputs.end(),
                                 [&](const Input &input) { return input.name == name; }),
                     "`{}` has no input `{}`", std::string_view(cell.name), name);
}

void describeCell(const Cell &cell, const Bound &bound, KernelDescription &description) {
  description.name = std::string_view(cell.name);
  for (ParamDescription &entry : description.params)
    for (const Param &param : cell.params)
      if (param.name == entry.name)
        entry = describeParam(param, bound);
}

} // namespace cellwright
