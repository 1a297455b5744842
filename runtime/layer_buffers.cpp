// Where the buffers of a kernel stand: what the layer owns, and what the caller gives.
#include "runtime/blocks.h"
#include "runtime/error.h"
#include "runtime/layer_work.h"

#include <algorithm>
#include <cstring>

namespace cellwright {

Layer::Work::Work(const cellwright_kernel &kernel, ThreadPool &threads)
    : kernel(kernel), threads(threads) {
  CELLWRIGHT_CHECK(kernel.abi_version == CELLWRIGHT_ABI_VERSION,
                   "kernel `{}` has ABI version {}, this runtime has {}: compile the cell again",
                   kernel.name, kernel.abi_version, CELLWRIGHT_ABI_VERSION);
  format = {static_cast<cellwright_type>(kernel.type), kernel.width};
  tapeShape = tapeShapeOf(kernel);
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (isTapeValue(kernel.buffers[i].role, kernel.buffers[i].lifetime))
      tapeBuffers.push_back(i);
  bindings.resize(kernel.buffer_count);
  tables.assign(threads.size(), std::vector<cellwright_buffer>(kernel.buffer_count));
  memory.resize(kernel.buffer_count);
  zeros.resize(kernel.buffer_count);
  for (auto *list : {&states, &previous, &kept, &initial, &carried, &carryA, &carryB, &resetSums})
    list->resize(kernel.state_count);
  stagePhases.resize(CELLWRIGHT_STAGE_COUNT);
  for (int i = 0; i < kernel.phase_count; ++i)
    stagePhases[kernel.phases[i].stage].push_back(i);
  bindUpdateValues();
}

/// What an update computes, packed weights above all, has no rows and stays: all in one block.
void Layer::Work::bindUpdateValues() {
  std::vector<size_t> offsets(kernel.buffer_count);
  auto isOfUpdate = [&](int i) {
    return kernel.buffers[i].lifetime == CELLWRIGHT_UPDATE &&
           kernel.buffers[i].role == CELLWRIGHT_VALUE;
  };
  size_t bytes = 0;
  for (int i = 0; i < kernel.buffer_count; ++i) {
    if (!isOfUpdate(i))
      continue;
    offsets[i] = bytes;
    size_t own = static_cast<size_t>(kernel.buffers[i].elements * format.elementBytes());
    bytes += (own + kAlignment - 1) / kAlignment * kAlignment;
  }
  updateValues.resize(bytes);
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (isOfUpdate(i))
      bindings[i].base = updateValues.data() + offsets[i];
}

void Layer::Work::bind(int buffer, const SeriesView &view, bool movesWithStep, StepsOf stepsOf) {
  int64_t rowBytes = view.rowStride() * format.elementBytes();
  bindings[buffer] = {static_cast<std::byte *>(view.data), view.panelStride,
                      movesWithStep ? batch.sequences * rowBytes : 0, stepsOf};
}

void Layer::Work::bindRole(cellwright_role role, int index, const SeriesView &view,
                           bool movesWithStep, StepsOf stepsOf) {
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (kernel.buffers[i].role == role && kernel.buffers[i].index == index)
      bind(i, view, movesWithStep, stepsOf);
}

/// An index is one 32-bit integer per row, whatever the element type.
void Layer::Work::bindInput(int index, const SeriesView &view) {
  const cellwright_vector_info &info = kernel.inputs[index];
  bindRole(CELLWRIGHT_INPUT, index, view, !info.per_sequence, StepsOf::Call);
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (info.is_index && kernel.buffers[i].role == CELLWRIGHT_INPUT &&
        kernel.buffers[i].index == index && !info.per_sequence)
      bindings[i].stepBytes = batch.sequences * static_cast<int64_t>(sizeof(int32_t));
}

/// Rows of a block, at most all.
static int64_t blockRows(const Batch &batch, int64_t blockSteps) {
  return std::min(blockSteps, batch.steps) * batch.sequences;
}

void Layer::Work::bindStates(bool hasResets) {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    int64_t columns = kernel.states[s].size;
    int64_t steps = isWhole(s) ? batch.steps : plan.segmentSteps;
    StepsOf stepsOf = isWhole(s) ? StepsOf::Call : StepsOf::Segment;
    states[s].resize(format, (steps + 1) * N, columns);
    if (hasResets)
      previous[s].resize(format, plan.segmentSteps * N, columns);
    if (!isWhole(s))
      kept[s].resize(format, plan.keptStates() * N, columns);
    bindRole(CELLWRIGHT_STATE, s, hasResets ? previous[s].view() : states[s].view(), true,
             hasResets ? StepsOf::Segment : stepsOf);
    bindRole(CELLWRIGHT_NEXT, s, states[s].view().from(N), true, stepsOf);
  }
}

void Layer::Work::resize(const ForwardArguments &arguments, const TapePlan &newPlan) {
  batch = arguments.batch;
  hasTape = arguments.keepsTape;
  plan = newPlan;
  bool hasResets = arguments.resets != nullptr;
  if (hasTape)
    dropExcess(hasResets, arguments.memoryLimit);
  blockSteps = std::max<int64_t>(1, int64_t{CELLWRIGHT_FORWARD_BLOCK_ROWS} / batch.sequences);
  backwardBlockSteps = cellwright::backwardBlockSteps(batch.sequences);
  sequences.resize(batch.sequences);
  for (int64_t row = 0; row < batch.sequences; ++row)
    sequences[row] = static_cast<int32_t>(batch.caller(row));
  bindStates(hasResets);
  int64_t N = batch.sequences;
  for (int i = 0; i < kernel.buffer_count; ++i) {
    const cellwright_buffer_info &info = kernel.buffers[i];
    bool isOwn = info.role == CELLWRIGHT_VALUE || info.role == CELLWRIGHT_OUTPUT;
    if (!isOwn || info.lifetime == CELLWRIGHT_UPDATE)
      continue;
    bool isStepwise = info.lifetime == CELLWRIGHT_STEP || info.lifetime == CELLWRIGHT_SEQUENCE;
    // The output is read by the caller after the call: all of it stays.
    bool isOutput = info.role == CELLWRIGHT_OUTPUT;
    bool isOfTape = hasTape && isTapeValue(info.role, info.lifetime);
    int64_t rows = isOutput     ? batch.steps * N
                   : isStepwise ? N
                   : isOfTape   ? plan.segmentSteps * N
                                : blockRows(batch, backwardBlockSteps);
    memory[i].resize(format, rows, info.columns);
    bind(i, memory[i].view(), !isStepwise,
         isOutput   ? StepsOf::Call
         : isOfTape ? StepsOf::Segment
                    : StepsOf::Block);
  }
}

/// The caller's adjoints; what is absent is read from zeros, or written where nobody looks.
void Layer::Work::bindAdjoints(const BackwardArguments &arguments) {
  int64_t N = batch.sequences;
  for (int i = 0; i < kernel.buffer_count; ++i) {
    const cellwright_buffer_info &info = kernel.buffers[i];
    auto index = static_cast<size_t>(info.index);
    SeriesView view;
    if (info.role == CELLWRIGHT_ADJOINT_OUTPUT)
      view = arguments.outputAdjoint;
    else if (info.role == CELLWRIGHT_ADJOINT_DIRECT)
      view = entryOf(arguments.stateAdjoints, index);
    else if (info.role == CELLWRIGHT_ADJOINT_INPUT)
      view = entryOf(arguments.inputAdjoints, index);
    else if (info.role == CELLWRIGHT_ADJOINT_PARAM)
      bindings[i].base = static_cast<std::byte *>(entryOf(arguments.paramGradients, index));
    else if (info.is_zeroed && info.lifetime == CELLWRIGHT_UPDATE)
      std::memset(bindings[i].base, 0, static_cast<size_t>(info.elements * format.elementBytes()));
    else if (info.is_zeroed)
      memory[i].clear();
    bool isCallers = info.role == CELLWRIGHT_ADJOINT_OUTPUT ||
                     info.role == CELLWRIGHT_ADJOINT_DIRECT ||
                     info.role == CELLWRIGHT_ADJOINT_INPUT;
    if (!isCallers)
      continue;
    bool isPerSequence = info.lifetime == CELLWRIGHT_SEQUENCE;
    if (view.data) {
      if (info.is_zeroed)
        clearRows(view, 0, isPerSequence ? N : batch.steps * N);
      bind(i, view, !isPerSequence, StepsOf::Call);
      continue;
    }
    zeros[i].resize(format, isPerSequence ? N : blockRows(batch, backwardBlockSteps), info.columns);
    zeros[i].clear();
    bind(i, zeros[i].view(), !isPerSequence, StepsOf::Block);
  }
}

/// The buffers as a phase of a thread sees them whose first row is sequence 0 of `step`; valid
/// until the thread's next call.
cellwright_buffer *Layer::Work::tableAt(int64_t step, int64_t blockBegin, int thread) {
  std::vector<cellwright_buffer> &table = tables[thread];
  for (size_t i = 0; i < bindings.size(); ++i) {
    const BufferBinding &binding = bindings[i];
    int64_t first = binding.stepsOf == StepsOf::Call      ? 0
                    : binding.stepsOf == StepsOf::Segment ? segmentBegin
                                                          : blockBegin;
    table[i] = {binding.base + (step - first) * binding.stepBytes, binding.panelStride};
  }
  return table.data();
}

} // namespace cellwright
