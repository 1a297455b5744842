// See compiled_kernel.h.
#include "codegen/compiled_kernel.h"

#include "runtime/error.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

namespace cellwright {

struct CompiledKernel::Parts {
  KernelDescription description;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<cellwright_vector_info> inputs, states;
  std::vector<cellwright_param_info> params;
  std::vector<cellwright_buffer_info> buffers;
  std::vector<cellwright_phase_info> phases;
  cellwright_kernel kernel = {};

  void load(const std::vector<char> &object);
  void fillTables();
  cellwright_phase lookup(const std::string &symbol);
};

template <typename T> static T orThrow(llvm::Expected<T> value) {
  if (!value)
    throw Error("cannot link the compiled kernel: " + llvm::toString(value.takeError()));
  return std::move(*value);
}

void CompiledKernel::Parts::load(const std::vector<char> &object) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  jit = orThrow(llvm::orc::LLJITBuilder().create());
  auto buffer =
      llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, description.name);
  if (llvm::Error error = jit->addObjectFile(std::move(buffer)))
    throw Error("cannot link the compiled kernel: " + llvm::toString(std::move(error)));
}

cellwright_phase CompiledKernel::Parts::lookup(const std::string &symbol) {
  return orThrow(jit->lookup(symbol)).toPtr<cellwright_phase>();
}

void CompiledKernel::Parts::fillTables() {
  for (const VectorDescription &input : description.inputs)
    inputs.push_back({input.name.c_str(), input.size, input.isPerSequence, input.isIndex});
  for (const VectorDescription &state : description.states)
    states.push_back({state.name.c_str(), state.size, 0, 0});
  for (const ParamDescription &param : description.params)
    params.push_back({param.name.c_str(), param.rank, param.rows, param.columns, param.isFrozen,
                      param.initializer, param.first, param.second});
  for (const BufferDescription &buffer : description.buffers)
    buffers.push_back({buffer.name.c_str(), buffer.role, buffer.lifetime, buffer.index,
                       buffer.columns, buffer.elements, buffer.isZeroed});
  for (const PhaseDescription &phase : description.phases)
    phases.push_back({lookup(phase.symbol), phase.symbol.c_str(), phase.stage, phase.tiles,
                      phase.isPerStep, phase.isForInputs, phase.flopsPerRow, phase.weightBytes});
  kernel.abi_version = CELLWRIGHT_ABI_VERSION;
  kernel.type = description.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32;
  kernel.width = description.width;
  kernel.name = description.name.c_str();
  kernel.input_count = static_cast<int32_t>(inputs.size());
  kernel.state_count = static_cast<int32_t>(states.size());
  kernel.param_count = static_cast<int32_t>(params.size());
  kernel.buffer_count = static_cast<int32_t>(buffers.size());
  kernel.phase_count = static_cast<int32_t>(phases.size());
  kernel.inputs = inputs.data();
  kernel.states = states.data();
  kernel.params = params.data();
  kernel.buffers = buffers.data();
  kernel.phases = phases.data();
  kernel.output_size = description.outputSize;
  kernel.output_state = description.outputState;
  kernel.has_backward = description.hasBackward;
}

CompiledKernel::CompiledKernel(KernelDescription description, const std::vector<char> &object)
    : parts(std::make_unique<Parts>()) {
  parts->description = std::move(description);
  parts->load(object);
  parts->fillTables();
}
CompiledKernel::~CompiledKernel() = default;
CompiledKernel::CompiledKernel(CompiledKernel &&) noexcept = default;

const cellwright_kernel &CompiledKernel::kernel() const { return parts->kernel; }
const KernelDescription &CompiledKernel::description() const { return parts->description; }

} // namespace cellwright
