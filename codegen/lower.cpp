// See lower.h.
#include "codegen/lower.h"

#include "runtime/error.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <memory>

using namespace mlir;

namespace cellwright {

void registerEmissionDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, math::MathDialect,
                  scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

/// Cuts long blocks by branches that are always taken: the time that LLVM's schedulers need grows
/// with the square of a block's length, and unrolled cells make blocks of many thousand operations.
static void splitLongBlocks(LLVM::LLVMFuncOp function) {
  constexpr size_t kMostOperations = 400;
  if (function.isExternal())
    return;
  SmallVector<Block *> blocks;
  for (Block &block : function.getBody())
    if (block.getOperations().size() > kMostOperations)
      blocks.push_back(&block);
  if (blocks.empty())
    return;
  Location loc = function.getLoc();
  OpBuilder builder(function.getContext());
  Block *never = builder.createBlock(&function.getBody(), function.getBody().end());
  LLVM::ReturnOp::create(builder, loc, ValueRange());
  for (Block *block : blocks)
    while (block->getOperations().size() > kMostOperations) {
      Block *rest = block->splitBlock(std::next(block->begin(), kMostOperations - 1));
      builder.setInsertionPointToEnd(block);
      // The table of buffers, which LLVM does not know to be there.
      Value table = function.getArgument(0);
      Value null = LLVM::ZeroOp::create(builder, loc, table.getType());
      Value isThere = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, table, null);
      LLVM::CondBrOp::create(builder, loc, isThere, rest, never);
      block = rest;
    }
}

// All dialects in one conversion: a pass for each would walk the module again and again.
void lowerToLlvmDialect(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter types(context);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  if (failed(applyFullConversion(module, target, std::move(patterns))))
    llvm_unreachable("what emission makes can be lowered");
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    splitLongBlocks(function);
}

/// Loop strength reduction would give each of ten pointers a counter of its own, which then live on
/// the stack; it took a fifth of the time to compile. LLVM has no switch for it but its option.
static void disableStrengthReduction() {
  auto *option =
      static_cast<llvm::cl::opt<bool> *>(llvm::cl::getRegisteredOptions().lookup("disable-lsr"));
  if (option)
    option->setValue(true);
}

static void initializeTargets() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeX86AsmParser(); // for the assembly in an object's driver
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(const Target &target) {
  disableStrengthReduction();
  initializeTargets();
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    throw Error("LLVM has no code generator for " + triple.str() + ": " + error);
  llvm::TargetOptions options;
  // A program that links an object need not keep the functions and weights that it does not use.
  options.FunctionSections = options.DataSections = true;
  return std::unique_ptr<llvm::TargetMachine>(
      found->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                 llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less));
}

void setTarget(llvm::Module &module, const Target &target) {
  auto machine = createTargetMachine(target);
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
}

void setTarget(llvm::Function &function, const Target &target) {
  for (llvm::StringRef attribute : {"target-cpu", "target-features", "tune-cpu"})
    function.removeFnAttr(attribute);
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.features.empty())
    function.addFnAttr("target-features", target.features);
  function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBytes * 8));
}

std::unique_ptr<llvm::Module> translateToLlvm(ModuleOp module, const Target &target,
                                              llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context);
  setTarget(*translated, target);
  for (llvm::Function &function : *translated)
    setTarget(function, target);
  return translated;
}

/// Prefetches are for weights that are read again for other rows: here they cost a load each.
static void dropPrefetches(llvm::Module &module) {
  llvm::SmallVector<llvm::Instruction *> prefetches;
  for (llvm::Function &function : module)
    if (function.getIntrinsicID() == llvm::Intrinsic::prefetch)
      for (llvm::User *user : function.users())
        prefetches.push_back(llvm::cast<llvm::Instruction>(user));
  for (llvm::Instruction *prefetch : prefetches)
    prefetch->eraseFromParent();
}

/// The functions that one calls, directly or not.
static llvm::SmallPtrSet<const llvm::Function *, 16> calleesOf(const llvm::Function *function) {
  llvm::SmallPtrSet<const llvm::Function *, 16> found;
  llvm::SmallVector<const llvm::Function *> open{function};
  while (!open.empty())
    for (const llvm::BasicBlock &block : *open.pop_back_val())
      for (const llvm::Instruction &instruction : block)
        if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
          if (const llvm::Function *callee = call->getCalledFunction();
              callee && !callee->isDeclaration() && found.insert(callee).second)
            open.push_back(callee);
  return found;
}

/// Makes all functions but the entries internal, and has those that the step calls inlined.
static void prepareInlining(llvm::Module &module, const StepFunctions &functions) {
  const std::string *entries[] = {&functions.init,      &functions.reset, &functions.setStates,
                                  &functions.getStates, &functions.step,  &functions.stepOf};
  auto inStep = calleesOf(module.getFunction(functions.stepOf));
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    bool isEntry =
        llvm::any_of(entries, [&](const std::string *name) { return function.getName() == *name; });
    if (!isEntry)
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    if (isEntry || !inStep.contains(&function))
      continue;
    function.removeFnAttr(llvm::Attribute::NoInline);
    function.addFnAttr(llvm::Attribute::AlwaysInline);
  }
}

void inlineSteps(llvm::Module &module, const Target &target, const StepFunctions &functions,
                 bool unrolls) {
  dropPrefetches(module);
  prepareInlining(module, functions);
  auto machine = createTargetMachine(target);
  llvm::PipelineTuningOptions tuning;
  // What is a vector is one already, and bits stay as they are for batches.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = unrolls;
  llvm::PassBuilder builder(machine.get(), tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functionResults;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functionResults);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functionResults, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

// No passes of LLVM's optimizer for whole sequences: emission leaves nothing for them to do
// (measured on Zen 5 for lstm, 256, N = 32: without 41.3 ms forward and backward after compiling
// 131 ms, -O1 44.1 after 297, -O2 43.9 after 316).
std::vector<char> writeObject(llvm::Module &module, const Target &target) {
  auto machine = createTargetMachine(target);
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager emission;
  if (machine->addPassesToEmitFile(emission, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    throw Error("LLVM cannot write object files for " + target.triple);
  emission.run(module);
  return {object.begin(), object.end()};
}

std::vector<char> compileToObject(ModuleOp module, const Target &target) {
  llvm::LLVMContext context;
  return writeObject(*translateToLlvm(module, target, context), target);
}

} // namespace cellwright
