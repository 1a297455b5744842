// See object.h. Each kernel is a module of its own until its functions are internal and its table
// is there; the linker then takes over what the entry points need.
#include "codegen/aot/object.h"

#include "codegen/aot/driver_bitcode.h"
#include "codegen/aot/entry_points.h"
#include "codegen/aot/kernel_tables.h"
#include "codegen/aot/packed_weights.h"
#include "codegen/aot/processors.h"
#include "codegen/compilation.h"
#include "codegen/lower.h"
#include "codegen/step_module.h"
#include "runtime/error.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"

#include <algorithm>

namespace cellwright {

namespace {

class ObjectWriter {
public:
  ObjectWriter(const Cell &cell, const Bound &bound, const ObjectOptions &options)
      : cell(cell), bound(bound), options(options), object(options.name, context) {}

  CompiledObject write();

private:
  CompileOptions optionsFor(const Target &target, bool isStep) const;
  bool isInference() const { return options.isInference || options.weights.has_value(); }
  void addVersion(const std::string &targetName);
  VersionTable addSequences(const Target &target, const std::string &prefix);
  StepFunctions addStep(const Target &target, const std::string &prefix);
  void link(std::unique_ptr<llvm::Module> module);
  void addDriver();
  void finish();

  const Cell &cell;
  const Bound &bound;
  const ObjectOptions &options;
  llvm::LLVMContext context;
  llvm::Module object;
  std::vector<Target> targets;
  std::vector<VersionTable> versions;
  EntryPoints entries;
  int64_t stepElements = 0;
};

CompileOptions ObjectWriter::optionsFor(const Target &target, bool isStep) const {
  CompileOptions result;
  result.target = target.name;
  result.isDouble = options.isDouble;
  result.hasBackward = result.stateAdjoints = result.isTraining = !isStep && !isInference();
  result.indexInputs = options.indexInputs;
  return result;
}

void ObjectWriter::link(std::unique_ptr<llvm::Module> module) {
  if (llvm::Linker::linkModules(object, std::move(module)))
    llvm_unreachable("modules of one compilation can be linked");
}

static void makeInternal(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
}

/// Adds the kernel for whole sequences.
VersionTable ObjectWriter::addSequences(const Target &target, const std::string &prefix) {
  Compilation compilation;
  compilation.schedule(cell, bound, nullptr, optionsFor(target, /*isStep=*/false), nullptr);
  KernelDescription kernel = compilation.emit(target, options.isDouble);
  describeCell(cell, bound, kernel);
  lowerToLlvmDialect(compilation.emitted());
  auto module = translateToLlvm(compilation.emitted(), target, context);
  makeInternal(*module);
  std::string name = prefix + ".kernel", constants = prefix + ".constants";
  // A table that another module refers to cannot be internal yet.
  addKernel(*module, kernel, name)->setLinkage(llvm::GlobalValue::ExternalLinkage);
  if (options.weights)
    addConstants(*module, packWeights(compilation.emitted(), kernel, *options.weights), constants)
        ->setLinkage(llvm::GlobalValue::ExternalLinkage);
  link(std::move(module));
  return {{}, object.getNamedValue(name), object.getNamedValue(constants)};
}

/// Adds the kernel for single steps.
StepFunctions ObjectWriter::addStep(const Target &target, const std::string &prefix) {
  CompileOptions ofStep = optionsFor(target, /*isStep=*/true);
  PackedWeights weights;
  if (options.weights) {
    Compilation compilation;
    compilation.schedule(cell, bound, nullptr, ofStep, nullptr);
    KernelDescription kernel = compilation.emit(targetOfSteps(target), options.isDouble);
    lowerToLlvmDialect(compilation.emitted());
    weights = packWeights(compilation.emitted(), kernel, *options.weights);
  }
  StepModule step = makeStepModule(cell, bound, ofStep, target, prefix + ".cell", weights, context);
  link(std::move(step.code));
  return step.functions;
}

void ObjectWriter::addVersion(const std::string &targetName) {
  Target target = targetOrThrow(targetName);
  if (targets.empty())
    setTarget(object, target);
  targets.push_back(target);
  std::string prefix = "version" + std::to_string(targets.size());
  VersionTable version = addSequences(target, prefix);
  version.needs = neededCpu(target, targetName == "native");
  versions.push_back(version);
  entries.steps.push_back(addStep(target, prefix));
  stepElements = std::max(stepElements, entries.steps.back().elements);
}

void ObjectWriter::addDriver() {
  for (const DriverFile &file : driverFiles()) {
    if (file.architecture != architectureOf(targets.front()))
      continue;
    llvm::MemoryBufferRef bytes({file.bitcode.data(), file.bitcode.size()}, "driver");
    auto module = llvm::parseBitcodeFile(bytes, context);
    if (!module)
      throw Error("cannot read the driver of objects: " + llvm::toString(module.takeError()));
    setTarget(**module, targets.front());
    if (llvm::NamedMDNode *compiler = (*module)->getNamedMetadata("llvm.ident"))
      compiler->eraseFromParent();
    link(std::move(*module));
  }
}

/// Leaves what the functions of the header need, for the last processor of the list where it is not
/// a version's own.
void ObjectWriter::finish() {
  entries.name = options.name;
  entries.object = addObject(object, versions, drawsIn(cell, options), options.name + ".object");
  for (const Input &input : cell.inputs)
    entries.isIndex.push_back(
        llvm::is_contained(options.indexInputs, std::string_view(input.name)));
  entries.hasStates = !cell.states.empty();
  entries.hasWeights = options.weights.has_value();
  entries.takesParams = !entries.hasWeights && !cell.params.empty();
  entries.hasBackward = !isInference();
  entries.hasKernel = !entries.hasWeights;
  std::vector<std::string> names = addEntryPoints(object, entries);
  for (llvm::Function &function : object) {
    if (!function.isDeclaration() && !llvm::is_contained(names, function.getName()))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    bool isOfVersion = function.hasFnAttribute("prefer-vector-width");
    if (!isOfVersion)
      setTarget(function, targets.back());
  }
  for (llvm::GlobalVariable &variable : object.globals())
    if (!variable.isDeclaration())
      variable.setLinkage(llvm::GlobalValue::InternalLinkage);
  llvm::ModuleAnalysisManager analyses;
  llvm::PassBuilder().registerModuleAnalyses(analyses);
  llvm::GlobalDCEPass().run(object, analyses);
  assert(!llvm::verifyModule(object, &llvm::errs()));
}

CompiledObject ObjectWriter::write() {
  checkIndexInputs(cell, options.indexInputs);
  for (const std::string &target : options.targets)
    addVersion(target);
  addDriver();
  finish();
  return {writeObject(object, targets.back()), stepElements};
}

} // namespace

bool drawsIn(const Cell &cell, const ObjectOptions &options) {
  return cell.randomCount > 0 && !options.isInference && !options.weights;
}

CompiledObject compileToObjectFile(const Cell &cell, const Bound &bound,
                                   const ObjectOptions &options) {
  return ObjectWriter(cell, bound, options).write();
}

} // namespace cellwright
