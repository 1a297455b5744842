// See linked_object.h.
#include "codegen/linked_object.h"

#include "runtime/error.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

namespace cellwright {

struct LinkedObject::Parts {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

template <typename T> static T orThrow(llvm::Expected<T> value) {
  if (!value)
    throw Error("cannot link the compiled kernel: " + llvm::toString(value.takeError()));
  return std::move(*value);
}

LinkedObject::LinkedObject(const std::vector<char> &object, const std::string &name)
    : parts(std::make_unique<Parts>()) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  parts->jit = orThrow(llvm::orc::LLJITBuilder().create());
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, name);
  if (llvm::Error error = parts->jit->addObjectFile(std::move(buffer)))
    throw Error("cannot link the compiled kernel: " + llvm::toString(std::move(error)));
}
LinkedObject::~LinkedObject() = default;
LinkedObject::LinkedObject(LinkedObject &&) noexcept = default;

void *LinkedObject::address(const std::string &symbol) const {
  return orThrow(parts->jit->lookup(symbol)).toPtr<void *>();
}

} // namespace cellwright
