// See kernel_tables.h. Fields stand in the order of the C structs; LLVM pads a struct as C does.
#include "codegen/aot/kernel_tables.h"

#include "runtime/memory.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"

namespace cellwright {

namespace {

/// Makes constants of one module.
class Tables {
public:
  explicit Tables(llvm::Module &module) : module(module), context(module.getContext()) {}

  llvm::Constant *int32(int64_t number) const {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt32Ty(context), number);
  }
  llvm::Constant *word(uint32_t number) const {
    return llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), number);
  }
  llvm::Constant *int64(int64_t number) const {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt64Ty(context), number);
  }
  llvm::Constant *real(double number) const {
    return llvm::ConstantFP::get(llvm::Type::getDoubleTy(context), number);
  }
  llvm::Constant *null() const {
    return llvm::ConstantPointerNull::get(llvm::PointerType::getUnqual(context));
  }
  llvm::Constant *structure(llvm::ArrayRef<llvm::Constant *> fields) const {
    return llvm::ConstantStruct::getAnon(context, fields);
  }

  llvm::GlobalVariable *global(llvm::Constant *contents, const std::string &name) {
    return new llvm::GlobalVariable(module, contents->getType(), /*isConstant=*/true,
                                    llvm::GlobalValue::InternalLinkage, contents, name);
  }
  llvm::Constant *text(const std::string &contents) {
    return global(llvm::ConstantDataArray::getString(context, contents), "text");
  }
  llvm::Constant *array(const std::vector<llvm::Constant *> &entries, const std::string &name) {
    if (entries.empty())
      return null();
    auto *type = llvm::ArrayType::get(entries.front()->getType(), entries.size());
    return global(llvm::ConstantArray::get(type, entries), name);
  }
  template <typename List, typename Make>
  llvm::Constant *list(const List &things, const std::string &name, const Make &make) {
    std::vector<llvm::Constant *> entries;
    for (const auto &thing : things)
      entries.push_back(structure(make(thing)));
    return array(entries, name);
  }

  llvm::Module &module;
  llvm::LLVMContext &context;
};

using Fields = std::vector<llvm::Constant *>;

} // namespace

llvm::GlobalVariable *addKernel(llvm::Module &module, const KernelDescription &kernel,
                                const std::string &name) {
  Tables t(module);
  auto vectors = [&](const std::vector<VectorDescription> &list, const char *what) {
    return t.list(list, name + what, [&](const VectorDescription &vector) {
      return Fields{t.text(vector.name), t.int32(vector.size), t.int32(vector.isPerSequence),
                    t.int32(vector.isIndex)};
    });
  };
  llvm::Constant *params =
      t.list(kernel.params, name + ".params", [&](const ParamDescription &param) {
        return Fields{t.text(param.name),     t.int32(param.rank),     t.int32(param.rows),
                      t.int32(param.columns), t.int32(param.isFrozen), t.int32(param.initializer),
                      t.real(param.first),    t.real(param.second)};
      });
  llvm::Constant *buffers =
      t.list(kernel.buffers, name + ".buffers", [&](const BufferDescription &buffer) {
        return Fields{t.text(buffer.name),     t.int32(buffer.role),    t.int32(buffer.lifetime),
                      t.int32(buffer.index),   t.int32(buffer.columns), t.int64(buffer.elements),
                      t.int32(buffer.isZeroed)};
      });
  llvm::Constant *phases =
      t.list(kernel.phases, name + ".phases", [&](const PhaseDescription &phase) {
        return Fields{module.getFunction(phase.symbol),
                      t.text(phase.symbol),
                      t.int32(phase.stage),
                      t.int32(phase.tiles),
                      t.int32(phase.isPerStep),
                      t.int32(phase.isForInputs),
                      t.int64(phase.flopsPerRow),
                      t.int64(phase.weightBytes)};
      });
  auto count = [&](const auto &list) { return t.int32(static_cast<int64_t>(list.size())); };
  return t.global(t.structure({t.int32(CELLWRIGHT_ABI_VERSION),
                               t.int32(kernel.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32),
                               t.int32(kernel.width), t.text(kernel.name), count(kernel.inputs),
                               count(kernel.states), count(kernel.params), count(kernel.buffers),
                               count(kernel.phases), vectors(kernel.inputs, ".inputs"),
                               vectors(kernel.states, ".states"), params, buffers, phases,
                               t.int32(kernel.outputSize), t.int32(kernel.outputState),
                               t.int32(kernel.hasBackward)}),
                  name);
}

llvm::GlobalVariable *addConstants(llvm::Module &module, const PackedWeights &weights,
                                   const std::string &name) {
  Tables t(module);
  std::vector<llvm::Constant *> entries;
  for (const std::vector<std::byte> &bytes : weights) {
    if (bytes.empty()) {
      entries.push_back(t.null());
      continue;
    }
    llvm::StringRef contents(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    llvm::GlobalVariable *constant =
        t.global(llvm::ConstantDataArray::getString(module.getContext(), contents,
                                                    /*AddNull=*/false),
                 name + ".weights");
    constant->setAlignment(llvm::Align(kAlignment));
    entries.push_back(constant);
  }
  auto *type =
      llvm::ArrayType::get(llvm::PointerType::getUnqual(module.getContext()), entries.size());
  return t.global(llvm::ConstantArray::get(type, entries), name);
}

llvm::GlobalVariable *addObject(llvm::Module &module, const std::vector<VersionTable> &versions,
                                bool draws, const std::string &name) {
  Tables t(module);
  llvm::Constant *list = t.list(versions, name + ".versions", [&](const VersionTable &version) {
    std::vector<llvm::Constant *> words;
    for (uint32_t word : version.needs.words)
      words.push_back(t.word(word));
    auto *type = llvm::ArrayType::get(words.front()->getType(), words.size());
    return Fields{llvm::ConstantArray::get(type, words), version.kernel,
                  version.constants ? version.constants : t.null()};
  });
  llvm::GlobalVariable *choice = t.global(t.int32(0), name + ".choice");
  choice->setConstant(false);
  return t.global(
      t.structure({list, t.int32(static_cast<int64_t>(versions.size())), t.int32(draws), choice}),
      name);
}

} // namespace cellwright
