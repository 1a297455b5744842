// See entry_points.h.
#include "codegen/aot/entry_points.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"

namespace cellwright {

namespace {

class EntryPointWriter {
public:
  EntryPointWriter(llvm::Module &module, const EntryPoints &entries)
      : module(module), entries(entries), b(module.getContext()), pointer(b.getPtrTy()) {}

  std::vector<std::string> add();

private:
  llvm::Function *begin(const char *part, llvm::Type *result, std::vector<llvm::Type *> arguments);
  llvm::Value *argument(unsigned i) { return b.GetInsertBlock()->getParent()->getArg(i); }
  llvm::Value *null() { return llvm::ConstantPointerNull::get(pointer); }
  llvm::FunctionCallee driver(const char *name, llvm::Type *result,
                              std::vector<llvm::Type *> arguments);
  void addSequences();
  void addBackward();
  void addQuestions();
  void eachVersion(std::string StepFunctions::*part, const std::vector<llvm::Value *> &arguments);
  void addOfVersions(const char *part, std::string StepFunctions::*function, unsigned pointers);
  void addStep();

  llvm::Module &module;
  const EntryPoints &entries;
  llvm::IRBuilder<> b;
  llvm::PointerType *pointer;
  std::vector<std::string> names;
};

/// Starts a function of the header.
llvm::Function *EntryPointWriter::begin(const char *part, llvm::Type *result,
                                        std::vector<llvm::Type *> arguments) {
  names.push_back(entries.name + "_" + part);
  auto *type = llvm::FunctionType::get(result, arguments, false);
  auto *function =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, names.back(), module);
  function->setDoesNotThrow();
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", function));
  return function;
}

llvm::FunctionCallee EntryPointWriter::driver(const char *name, llvm::Type *result,
                                              std::vector<llvm::Type *> arguments) {
  return module.getOrInsertFunction(name, llvm::FunctionType::get(result, arguments, false));
}

void EntryPointWriter::addSequences() {
  begin("memory", b.getInt64Ty(), {b.getInt64Ty(), b.getInt64Ty()});
  b.CreateRet(b.CreateCall(
      driver("cellwright_memory", b.getInt64Ty(), {pointer, b.getInt64Ty(), b.getInt64Ty()}),
      {entries.object, argument(0), argument(1)}));
  std::vector<llvm::Type *> arguments(entries.takesParams ? 3 : 2, pointer);
  begin("forward", b.getVoidTy(), arguments);
  unsigned call = entries.takesParams ? 1 : 0;
  b.CreateCall(driver("cellwright_forward", b.getVoidTy(), {pointer, pointer, pointer, pointer}),
               {entries.object, entries.takesParams ? argument(0) : null(), argument(call),
                argument(call + 1)});
  b.CreateRetVoid();
}

void EntryPointWriter::addBackward() {
  std::vector<llvm::Type *> arguments(entries.takesParams ? 4 : 3, pointer);
  begin("backward", b.getVoidTy(), arguments);
  unsigned call = entries.takesParams ? 1 : 0;
  b.CreateCall(
      driver("cellwright_backward", b.getVoidTy(), {pointer, pointer, pointer, pointer, pointer}),
      {entries.object, entries.takesParams ? argument(0) : null(), argument(call),
       argument(call + 1), argument(call + 2)});
  b.CreateRetVoid();
}

void EntryPointWriter::addQuestions() {
  begin("is_supported", b.getInt32Ty(), {});
  b.CreateRet(
      b.CreateCall(driver("cellwright_is_supported", b.getInt32Ty(), {pointer}), {entries.object}));
  if (!entries.hasKernel)
    return;
  begin("kernel", pointer, {});
  b.CreateRet(
      b.CreateCall(driver("cellwright_chosen_kernel", pointer, {pointer}), {entries.object}));
}

/// Calls a function of the version that runs here, and returns.
void EntryPointWriter::eachVersion(std::string StepFunctions::*part,
                                   const std::vector<llvm::Value *> &arguments) {
  llvm::Function *function = b.GetInsertBlock()->getParent();
  auto call = [&](const StepFunctions &step) {
    llvm::CallInst *made = b.CreateCall(module.getFunction(step.*part), arguments);
    if (llvm::none_of(arguments, llvm::IsaPred<llvm::AllocaInst>))
      made->setTailCallKind(llvm::CallInst::TCK_Tail);
    b.CreateRetVoid();
  };
  if (entries.steps.size() == 1)
    return call(entries.steps.front());
  llvm::Value *version =
      b.CreateCall(driver("cellwright_choose", b.getInt32Ty(), {pointer}), {entries.object});
  auto *last = llvm::BasicBlock::Create(module.getContext(), "", function);
  auto count = static_cast<unsigned>(entries.steps.size());
  llvm::SwitchInst *choice = b.CreateSwitch(version, last, count - 1);
  for (unsigned i = 0; i + 1 < count; ++i) {
    auto *block = llvm::BasicBlock::Create(module.getContext(), "", function);
    choice->addCase(b.getInt32(i), block);
    b.SetInsertPoint(block);
    call(entries.steps[i]);
  }
  b.SetInsertPoint(last);
  call(entries.steps.back());
}

/// Adds a function whose arguments are pointers, the cell first.
void EntryPointWriter::addOfVersions(const char *part, std::string StepFunctions::*function,
                                     unsigned pointers) {
  begin(part, b.getVoidTy(), std::vector<llvm::Type *>(pointers, pointer));
  std::vector<llvm::Value *> arguments;
  for (unsigned i = 0; i < pointers; ++i)
    arguments.push_back(argument(i));
  if (arguments.size() < 2 && function == &StepFunctions::init && !entries.hasWeights)
    arguments.push_back(null()); // of a cell without parameters
  eachVersion(function, arguments);
}

/// An index comes by value, and the kernel reads it from memory.
void EntryPointWriter::addStep() {
  std::vector<llvm::Type *> types{pointer};
  for (bool isIndex : entries.isIndex)
    types.push_back(isIndex ? static_cast<llvm::Type *>(b.getInt32Ty()) : pointer);
  types.push_back(pointer);
  begin("step", b.getVoidTy(), types);
  std::vector<llvm::Value *> arguments;
  for (unsigned i = 0; i < types.size(); ++i) {
    if (types[i] == pointer) {
      arguments.push_back(argument(i));
      continue;
    }
    arguments.push_back(b.CreateAlloca(b.getInt32Ty()));
    b.CreateStore(argument(i), arguments.back());
  }
  eachVersion(&StepFunctions::step, arguments);
}

std::vector<std::string> EntryPointWriter::add() {
  addOfVersions("init", &StepFunctions::init, entries.takesParams ? 2 : 1);
  if (entries.hasStates) {
    addOfVersions("reset", &StepFunctions::reset, 1);
    addOfVersions("set_states", &StepFunctions::setStates, 2);
    addOfVersions("get_states", &StepFunctions::getStates, 2);
  }
  addStep();
  addSequences();
  if (entries.hasBackward)
    addBackward();
  addQuestions();
  return std::move(names);
}

} // namespace

std::vector<std::string> addEntryPoints(llvm::Module &module, const EntryPoints &entries) {
  return EntryPointWriter(module, entries).add();
}

} // namespace cellwright
