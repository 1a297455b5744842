// See compiled_kernel.h.
#include "codegen/compiled_kernel.h"

#include "codegen/linked_object.h"

namespace cellwright {

struct CompiledKernel::Parts {
  KernelDescription description;
  LinkedObject code;
  std::vector<cellwright_vector_info> inputs, states;
  std::vector<cellwright_param_info> params;
  std::vector<cellwright_buffer_info> buffers;
  std::vector<cellwright_phase_info> phases;
  cellwright_kernel kernel = {};

  Parts(KernelDescription given, const std::vector<char> &object)
      : description(std::move(given)), code(object, description.name) {}
  void fillTables();
};

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
    phases.push_back({code.lookup<cellwright_phase>(phase.symbol), phase.symbol.c_str(),
                      phase.stage, phase.tiles, phase.isPerStep, phase.isForInputs,
                      phase.flopsPerRow, phase.weightBytes});
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
    : parts(std::make_unique<Parts>(std::move(description), object)) {
  parts->fillTables();
}
CompiledKernel::~CompiledKernel() = default;
CompiledKernel::CompiledKernel(CompiledKernel &&) noexcept = default;

const cellwright_kernel &CompiledKernel::kernel() const { return parts->kernel; }
const KernelDescription &CompiledKernel::description() const { return parts->description; }

} // namespace cellwright
