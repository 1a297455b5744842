// See layer.h. Time is cut into blocks of steps: what does not depend on the recurrence is done for
// a whole block at once, while it is in the cache. Every thread owns a range of rows in all stages
// but the sums over rows, where it owns tiles of the result; so no result depends on the number of
// threads.
#include "runtime/layer.h"

#include "runtime/error.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace cellwright {

namespace {
// Rows that the stages before and after the recurrence do at once: their vectors of some hundred
// columns stay in the second cache.
constexpr int64_t kBlockRows = 256;

/// How a buffer's pointer moves with the step.
struct Binding {
  std::byte *base = nullptr; // at the first step of the buffer's memory
  int64_t panelStride = 0;
  int64_t stepBytes = 0;  // 0: the same rows at every step
  bool isOfBlock = false; // memory of one block: steps count from the block's first
};
} // namespace

struct Layer::Work {
  Work(const cellwright_kernel &kernel, ThreadPool &threads);

  // Buffers.
  void resize(const Batch &batch, bool keepsTape, bool hasResets);
  void bind(int buffer, const SeriesView &view, bool movesWithStep, bool isOfBlock);
  void bindRole(cellwright_role role, int index, const SeriesView &view, bool movesWithStep,
                bool isOfBlock);
  void bindInput(int index, const SeriesView &view);
  std::vector<cellwright_buffer> tableAt(int64_t step, int64_t blockBegin) const;

  // Stages.
  void runStage(cellwright_stage stage, int thread, int64_t blockBegin, int64_t blockEnd);
  void runSums(cellwright_stage stage, int thread, int64_t blockBegin, int64_t blockEnd);
  void runSequences(cellwright_stage stage);
  void runUpdate(cellwright_stage stage);
  void runForwardCore(int thread, int64_t blockBegin, int64_t blockEnd);
  void runBackwardCore(int thread, int64_t blockBegin, int64_t blockEnd);
  void callPhase(int index, const cellwright_buffer *table, cellwright_call call, int thread) const;
  bool isSkipped(const cellwright_phase_info &phase) const {
    return phase.for_inputs && !wantsInputAdjoints;
  }
  bool isRaggedBlock(int64_t blockEnd) const {
    return batch.activeRows(blockEnd - 1) != batch.sequences;
  }

  // States.
  void beginStates(const ForwardArguments &arguments);
  void resetStates(int64_t step, int64_t rowBegin, int64_t rowEnd);
  void resetAdjoints(int64_t step, int64_t rowBegin, int64_t rowEnd);
  void beginAdjoints(const BackwardArguments &arguments);
  SeriesView previousStates(int state, int64_t step) const;
  SeriesView nextStates(int state, int64_t step) const;

  const cellwright_kernel &kernel;
  ThreadPool &threads;
  Format format;
  int64_t blockSteps = 1;

  Batch batch;
  bool hasTape = false;
  bool wantsInputAdjoints = true;
  std::vector<uint8_t> resets; // [T, N] by row; empty: none
  uint32_t firstStep = 0;
  uint64_t seed = 0;
  std::vector<int32_t> sequences; // the caller's number of each row

  std::vector<Binding> bindings;
  std::vector<Series> memory;           // of the buffers that are the layer's own
  std::vector<Series> states, previous; // per state: T + 1 rows of N, and T more where resets cut
  std::vector<Series> initial, carried; // per state: state0, and the last states of the call before
  std::vector<Series> zeros;            // per buffer of the caller that may be absent
  std::vector<Series> carryA, carryB, resetSums; // per state: adjoints on their way back
  std::vector<std::vector<int>> stagePhases;     // phases of each stage
  std::vector<PhaseTime> *phaseTimes = nullptr;  // where they are measured
};

//===-- Set-up --------------------------------------------------------------------------------===//

Layer::Work::Work(const cellwright_kernel &kernel, ThreadPool &threads)
    : kernel(kernel), threads(threads) {
  CELLWRIGHT_CHECK(kernel.abi_version == CELLWRIGHT_ABI_VERSION,
                   "kernel `{}` has ABI version {}, this runtime has {}: compile the cell again",
                   kernel.name, kernel.abi_version, CELLWRIGHT_ABI_VERSION);
  format = {static_cast<cellwright_type>(kernel.type), kernel.width};
  bindings.resize(kernel.buffer_count);
  memory.resize(kernel.buffer_count);
  zeros.resize(kernel.buffer_count);
  for (auto *list : {&states, &previous, &initial, &carried, &carryA, &carryB, &resetSums})
    list->resize(kernel.state_count);
  stagePhases.resize(CELLWRIGHT_STAGE_COUNT);
  for (int i = 0; i < kernel.phase_count; ++i)
    stagePhases[kernel.phases[i].stage].push_back(i);
  // What an update computes has no rows and stays.
  for (int i = 0; i < kernel.buffer_count; ++i) {
    const cellwright_buffer_info &info = kernel.buffers[i];
    if (info.lifetime != CELLWRIGHT_UPDATE || info.role != CELLWRIGHT_VALUE)
      continue;
    memory[i].resize(format, info.elements, 0);
    bindings[i].base = static_cast<std::byte *>(memory[i].view().data);
  }
}

void Layer::Work::bind(int buffer, const SeriesView &view, bool movesWithStep, bool isOfBlock) {
  int64_t rowBytes = view.rowStride() * format.elementBytes();
  bindings[buffer] = {static_cast<std::byte *>(view.data), view.panelStride,
                      movesWithStep ? batch.sequences * rowBytes : 0, isOfBlock};
}

void Layer::Work::bindRole(cellwright_role role, int index, const SeriesView &view,
                           bool movesWithStep, bool isOfBlock) {
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (kernel.buffers[i].role == role && kernel.buffers[i].index == index)
      bind(i, view, movesWithStep, isOfBlock);
}

/// An index is one 32-bit integer per row, whatever the element type.
void Layer::Work::bindInput(int index, const SeriesView &view) {
  const cellwright_vector_info &info = kernel.inputs[index];
  bindRole(CELLWRIGHT_INPUT, index, view, !info.per_sequence, false);
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (info.is_index && kernel.buffers[i].role == CELLWRIGHT_INPUT &&
        kernel.buffers[i].index == index && !info.per_sequence)
      bindings[i].stepBytes = batch.sequences * static_cast<int64_t>(sizeof(int32_t));
}

/// Rows of a block, at most all.
static int64_t blockRows(const Batch &batch, int64_t blockSteps) {
  return std::min(blockSteps, batch.steps) * batch.sequences;
}

void Layer::Work::resize(const Batch &newBatch, bool keepsTape, bool hasResets) {
  batch = newBatch;
  hasTape = keepsTape;
  blockSteps = std::max<int64_t>(1, kBlockRows / batch.sequences);
  sequences.resize(batch.sequences);
  for (int64_t row = 0; row < batch.sequences; ++row)
    sequences[row] = static_cast<int32_t>(batch.caller(row));
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    states[s].resize(format, (batch.steps + 1) * N, kernel.states[s].size);
    if (hasResets)
      previous[s].resize(format, batch.steps * N, kernel.states[s].size);
    bindRole(CELLWRIGHT_STATE, s, hasResets ? previous[s].view() : states[s].view(), true, false);
    bindRole(CELLWRIGHT_NEXT, s, states[s].view().from(N), true, false);
  }
  for (int i = 0; i < kernel.buffer_count; ++i) {
    const cellwright_buffer_info &info = kernel.buffers[i];
    bool isOwn = info.role == CELLWRIGHT_VALUE || info.role == CELLWRIGHT_OUTPUT;
    if (!isOwn || info.lifetime == CELLWRIGHT_UPDATE)
      continue;
    // The output is read by the caller after the call: all of it stays.
    bool isWhole =
        (info.lifetime == CELLWRIGHT_TAPE && keepsTape) || info.role == CELLWRIGHT_OUTPUT;
    bool isStepwise = info.lifetime == CELLWRIGHT_STEP || info.lifetime == CELLWRIGHT_SEQUENCE;
    int64_t rows = isWhole ? batch.steps * N : isStepwise ? N : blockRows(batch, blockSteps);
    memory[i].resize(format, rows, info.columns);
    bind(i, memory[i].view(), !isStepwise, !isWhole);
  }
}

//===-- Phases --------------------------------------------------------------------------------===//

/// The buffers as a phase sees them whose first row is sequence 0 of `step`.
std::vector<cellwright_buffer> Layer::Work::tableAt(int64_t step, int64_t blockBegin) const {
  std::vector<cellwright_buffer> table(bindings.size());
  for (size_t i = 0; i < bindings.size(); ++i) {
    const Binding &binding = bindings[i];
    int64_t steps = binding.isOfBlock ? step - blockBegin : step;
    table[i] = {binding.base + steps * binding.stepBytes, binding.panelStride};
  }
  return table;
}

void Layer::Work::callPhase(int index, const cellwright_buffer *table, cellwright_call call,
                            int thread) const {
  if (call.row_begin >= call.row_end || call.tile_begin >= call.tile_end)
    return;
  if (!phaseTimes || thread != 0)
    return kernel.phases[index].run(table, &call);
  auto begin = std::chrono::steady_clock::now();
  kernel.phases[index].run(table, &call);
  std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  PhaseTime &time = (*phaseTimes)[index];
  ++time.calls;
  time.seconds += taken.count();
}

/// Stages of a block that own rows: all rows at once, or step by step where a phase needs to know
/// its step or sequences have ended.
void Layer::Work::runStage(cellwright_stage stage, int thread, int64_t blockBegin,
                           int64_t blockEnd) {
  int64_t N = batch.sequences;
  for (int index : stagePhases[stage]) {
    const cellwright_phase_info &phase = kernel.phases[index];
    if (isSkipped(phase))
      continue;
    if (!phase.per_step && !isRaggedBlock(blockEnd)) {
      auto [begin, end] = partition((blockEnd - blockBegin) * N, threads.size(), thread);
      callPhase(index, tableAt(blockBegin, blockBegin).data(),
                {begin, end, 0, phase.tiles, sequences.data(), seed, 0}, thread);
      continue;
    }
    auto [begin, end] = partition(N, threads.size(), thread);
    for (int64_t step = blockBegin; step < blockEnd; ++step)
      callPhase(index, tableAt(step, blockBegin).data(),
                {begin, std::min(end, batch.activeRows(step)), 0, phase.tiles, sequences.data(),
                 seed, firstStep + static_cast<uint32_t>(step)},
                thread);
  }
}

/// Sums over rows: each thread owns tiles of the result.
void Layer::Work::runSums(cellwright_stage stage, int thread, int64_t blockBegin,
                          int64_t blockEnd) {
  int64_t N = batch.sequences;
  bool isStepwise = isRaggedBlock(blockEnd);
  for (int index : stagePhases[stage]) {
    const cellwright_phase_info &phase = kernel.phases[index];
    auto [begin, end] = partition(phase.tiles, threads.size(), thread);
    if (!isStepwise && !phase.per_step) {
      callPhase(index, tableAt(blockBegin, blockBegin).data(),
                {0, (blockEnd - blockBegin) * N, begin, end, sequences.data(), seed, 0}, thread);
      continue;
    }
    for (int64_t step = blockEnd - 1; step >= blockBegin; --step)
      callPhase(index, tableAt(step, blockBegin).data(),
                {0, batch.activeRows(step), begin, end, sequences.data(), seed, 0}, thread);
  }
}

/// Stages whose rows are sequences. Those without a step take no part: what they bring may be NaN.
void Layer::Work::runSequences(cellwright_stage stage) {
  if (stagePhases[stage].empty())
    return;
  auto table = tableAt(0, 0);
  bool isSum = stage == CELLWRIGHT_GRADIENT_SEQUENCE;
  int64_t rows = batch.activeRows(0);
  threads.run([&](int thread) {
    for (int index : stagePhases[stage]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      if (isSkipped(phase))
        continue;
      auto [rowBegin, rowEnd] =
          isSum ? std::pair<int64_t, int64_t>(0, rows) : partition(rows, threads.size(), thread);
      auto [tileBegin, tileEnd] = isSum ? partition(phase.tiles, threads.size(), thread)
                                        : std::pair<int64_t, int64_t>(0, phase.tiles);
      callPhase(index, table.data(),
                {rowBegin, rowEnd, tileBegin, tileEnd, sequences.data(), seed, 0}, thread);
    }
  });
}

void Layer::Work::runUpdate(cellwright_stage stage) {
  auto table = tableAt(0, 0);
  for (int index : stagePhases[stage])
    callPhase(index, table.data(), {0, 1, 0, 1, nullptr, seed, 0}, 0);
}

//===-- Forward -------------------------------------------------------------------------------===//

SeriesView Layer::Work::previousStates(int state, int64_t step) const {
  return (resets.empty() ? states[state] : previous[state]).view().from(step * batch.sequences);
}

SeriesView Layer::Work::nextStates(int state, int64_t step) const {
  return states[state].view().from((step + 1) * batch.sequences);
}

/// Copies rows [begin, end) of one series to the same rows of another of the same shape.
static void copyRows(const SeriesView &from, const SeriesView &to, int64_t begin, int64_t end) {
  int64_t rowBytes = from.rowStride() * from.format.elementBytes();
  for (int64_t panel = 0; panel < from.format.panels(from.columns); ++panel) {
    auto source =
        static_cast<std::byte *>(from.data) + panel * from.panelStride * from.format.elementBytes();
    auto target =
        static_cast<std::byte *>(to.data) + panel * to.panelStride * to.format.elementBytes();
    std::memcpy(target + begin * rowBytes, source + begin * rowBytes,
                static_cast<size_t>((end - begin) * rowBytes));
  }
}

/// Zeros in rows [begin, end).
static void clearRows(const SeriesView &series, int64_t begin, int64_t end) {
  int64_t rowBytes = series.rowStride() * series.format.elementBytes();
  for (int64_t panel = 0; panel < series.format.panels(series.columns); ++panel)
    std::memset(static_cast<std::byte *>(series.data) +
                    panel * series.panelStride * series.format.elementBytes() + begin * rowBytes,
                0, static_cast<size_t>((end - begin) * rowBytes));
}

/// The first N rows of a series.
static SeriesView firstRows(const SeriesView &series, int64_t rows) {
  SeriesView first = series;
  first.rows = rows;
  return first;
}

void Layer::Work::beginStates(const ForwardArguments &arguments) {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    initial[s].resize(format, N, kernel.states[s].size);
    const void *given =
        s < static_cast<int>(arguments.initialStates.size()) ? arguments.initialStates[s] : nullptr;
    if (arguments.isContinued) {
      CELLWRIGHT_CHECK(carried[s].view().rows == N,
                       "cannot continue: the last call had {} sequences, this one has {}",
                       carried[s].view().rows, N);
      copyRows(carried[s].view(), initial[s].view(), 0, N);
    } else if (given) {
      readSequences(given, batch, initial[s].view());
    } else {
      initial[s].clear();
    }
    copyRows(initial[s].view(), firstRows(states[s].view(), N), 0, N);
  }
}

/// With resets the states before a step are a copy of those after the step before, or of the
/// initial ones.
void Layer::Work::resetStates(int64_t step, int64_t rowBegin, int64_t rowEnd) {
  int64_t N = batch.sequences;
  for (int s = 0; s < kernel.state_count; ++s) {
    SeriesView target = previousStates(s, step);
    copyRows(states[s].view().from(step * N), target, rowBegin, rowEnd);
    for (int64_t row = rowBegin; row < rowEnd; ++row)
      if (resets[step * N + row])
        copyRows(initial[s].view(), target, row, row + 1);
  }
}

void Layer::Work::runForwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  auto table = tableAt(blockBegin, blockBegin);
  for (int64_t step = blockBegin; step < blockEnd; ++step) {
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    if (!resets.empty() && begin < rowEnd)
      resetStates(step, begin, rowEnd);
    for (int index : stagePhases[CELLWRIGHT_FORWARD_CORE]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      callPhase(index, table.data(),
                {begin, rowEnd, 0, phase.tiles, sequences.data(), seed,
                 firstStep + static_cast<uint32_t>(step)},
                thread);
    }
    for (size_t i = 0; i < table.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) + bindings[i].stepBytes;
  }
}

Layer::Layer(const cellwright_kernel &kernel, ThreadPool &threads)
    : work(std::make_unique<Work>(kernel, threads)) {}
Layer::~Layer() = default;
Layer::Layer(Layer &&) noexcept = default;

const cellwright_kernel &Layer::kernel() const { return work->kernel; }
Format Layer::format() const { return work->format; }

void Layer::setParams(std::span<const void *const> params) {
  Work &w = *work;
  CELLWRIGHT_CHECK(static_cast<int>(params.size()) == w.kernel.param_count,
                   "`{}` has {} parameters, got {}", w.kernel.name, w.kernel.param_count,
                   params.size());
  for (int i = 0; i < w.kernel.buffer_count; ++i)
    if (w.kernel.buffers[i].role == CELLWRIGHT_PARAM)
      w.bindings[i].base =
          static_cast<std::byte *>(const_cast<void *>(params[w.kernel.buffers[i].index]));
  w.runUpdate(CELLWRIGHT_PREPARE);
}

void Layer::forward(const ForwardArguments &arguments) {
  Work &w = *work;
  const Batch &batch = arguments.batch;
  CELLWRIGHT_CHECK(batch.steps > 0 && batch.sequences > 0,
                   "`{}`: expected at least one step and one sequence, got T = {}, N = {}",
                   w.kernel.name, batch.steps, batch.sequences);
  CELLWRIGHT_CHECK(static_cast<int>(arguments.inputs.size()) == w.kernel.input_count,
                   "`{}` has {} inputs, got {}", w.kernel.name, w.kernel.input_count,
                   arguments.inputs.size());
  w.resize(batch, arguments.keepsTape, arguments.resets != nullptr);
  w.firstStep = arguments.firstStep;
  w.seed = arguments.seed;
  w.resets.clear();
  if (arguments.resets) {
    w.resets.resize(batch.steps * batch.sequences);
    for (int64_t step = 0; step < batch.steps; ++step)
      for (int64_t row = 0; row < batch.sequences; ++row)
        w.resets[step * batch.sequences + row] =
            arguments.resets[step * batch.sequences + batch.caller(row)];
  }
  for (int i = 0; i < w.kernel.input_count; ++i) {
    CELLWRIGHT_CHECK(arguments.inputs[i].format == w.format,
                     "`{}`: input {} has another element type or panel width", w.kernel.name,
                     w.kernel.inputs[i].name);
    w.bindInput(i, arguments.inputs[i]);
  }
  w.beginStates(arguments);
  w.runSequences(CELLWRIGHT_FORWARD_SEQUENCE);
  w.threads.run([&](int thread) {
    for (int64_t begin = 0; begin < batch.steps; begin += w.blockSteps) {
      int64_t end = std::min(begin + w.blockSteps, batch.steps);
      w.runStage(CELLWRIGHT_FORWARD_BEFORE, thread, begin, end);
      w.threads.barrier();
      w.runForwardCore(thread, begin, end);
      w.threads.barrier();
      w.runStage(CELLWRIGHT_FORWARD_AFTER, thread, begin, end);
      w.threads.barrier();
    }
  });
  for (int s = 0; s < w.kernel.state_count; ++s) {
    w.carried[s].resize(w.format, batch.sequences, w.kernel.states[s].size);
    for (int64_t row = 0; row < batch.sequences; ++row)
      copyRows(w.states[s].view().from(batch.length(row) * batch.sequences), w.carried[s].view(),
               row, row + 1);
  }
}

//===-- Results -------------------------------------------------------------------------------===//

SeriesView Layer::state(int index) const {
  return firstRows(work->states[index].view().from(work->batch.sequences),
                   work->batch.steps * work->batch.sequences);
}

SeriesView Layer::output() const {
  if (work->kernel.output_state >= 0)
    return state(work->kernel.output_state);
  for (int i = 0; i < work->kernel.buffer_count; ++i)
    if (work->kernel.buffers[i].role == CELLWRIGHT_OUTPUT)
      return work->memory[i].view();
  return {};
}

void Layer::finalState(int index, void *rowMajor) const {
  writeSequences(work->carried[index].view(), work->batch, rowMajor);
}

void Layer::carriedState(int index, void *rowMajor) const {
  const SeriesView &view = work->carried[index].view();
  writeSequences(view, Batch{1, view.rows, {}, {}}, rowMajor);
}

void Layer::setCarriedState(int index, const void *rowMajor, int64_t sequences) {
  work->carried[index].resize(work->format, sequences, work->kernel.states[index].size);
  readSequences(rowMajor, Batch{1, sequences, {}, {}}, work->carried[index].view());
}

void Layer::measurePhases(std::vector<PhaseTime> *times) {
  if (times)
    times->resize(work->kernel.phase_count);
  work->phaseTimes = times;
}

int64_t Layer::tapeBytes() const {
  const cellwright_kernel &kernel = work->kernel;
  int64_t columns = 0;
  for (int i = 0; i < kernel.buffer_count; ++i)
    if (kernel.buffers[i].lifetime == CELLWRIGHT_TAPE && kernel.buffers[i].role != CELLWRIGHT_STATE)
      columns += std::max(kernel.buffers[i].columns, 1);
  return columns * work->format.elementBytes();
}

//===-- Backward ------------------------------------------------------------------------------===//

void Layer::Work::beginAdjoints(const BackwardArguments &arguments) {
  int64_t N = batch.sequences;
  auto given = [](const auto &list, int i) {
    return i < static_cast<int>(list.size()) ? list[i]
                                             : typename std::decay_t<decltype(list)>::value_type{};
  };
  for (int s = 0; s < kernel.state_count; ++s) {
    for (Series *series : {&carryA[s], &carryB[s], &resetSums[s]}) {
      series->resize(format, N, kernel.states[s].size);
      series->clear();
    }
    // A sequence that has ended takes no part: what it brings from its end waits in both buffers.
    if (const void *final = given(arguments.finalAdjoints, s)) {
      readSequences(final, batch, carryA[s].view());
      readSequences(final, batch, carryB[s].view());
    }
  }
  for (int i = 0; i < kernel.buffer_count; ++i) {
    const cellwright_buffer_info &info = kernel.buffers[i];
    SeriesView view;
    if (info.role == CELLWRIGHT_ADJOINT_OUTPUT)
      view = arguments.outputAdjoint;
    else if (info.role == CELLWRIGHT_ADJOINT_DIRECT)
      view = given(arguments.stateAdjoints, info.index);
    else if (info.role == CELLWRIGHT_ADJOINT_INPUT)
      view = given(arguments.inputAdjoints, info.index);
    else if (info.role == CELLWRIGHT_ADJOINT_PARAM)
      bindings[i].base = static_cast<std::byte *>(given(arguments.paramGradients, info.index));
    else if (info.is_zeroed)
      memory[i].clear();
    bool isCallers = info.role == CELLWRIGHT_ADJOINT_OUTPUT ||
                     info.role == CELLWRIGHT_ADJOINT_DIRECT ||
                     info.role == CELLWRIGHT_ADJOINT_INPUT;
    if (!isCallers)
      continue;
    bool isPerSequence = info.lifetime == CELLWRIGHT_SEQUENCE;
    if (!view.data) {
      // Read: zeros at every step. Written: a place that nobody looks at.
      zeros[i].resize(
          format,
          isPerSequence || info.role != CELLWRIGHT_ADJOINT_INPUT ? N : blockRows(batch, blockSteps),
          info.columns);
      zeros[i].clear();
      bool isWritten = info.role == CELLWRIGHT_ADJOINT_INPUT;
      bind(i, zeros[i].view(), isWritten && !isPerSequence, isWritten);
    } else {
      bind(i, view, !isPerSequence, false);
    }
  }
}

/// Adjoints of states that a reset cut off belong to the initial states.
void Layer::Work::resetAdjoints(int64_t step, int64_t rowBegin, int64_t rowEnd) {
  for (int64_t row = rowBegin; row < rowEnd; ++row) {
    if (!resets[step * batch.sequences + row])
      continue;
    Batch one{1, 1, {}, {}};
    for (int s = 0; s < kernel.state_count; ++s) {
      SeriesView carry = firstRows(((step % 2) == 0 ? carryB : carryA)[s].view().from(row), 1);
      copySteps(carry, one, firstRows(resetSums[s].view().from(row), 1), 0, 0,
                kernel.states[s].size, false, true);
      int64_t rowBytes = carry.rowStride() * format.elementBytes();
      for (int64_t panel = 0; panel < format.panels(carry.columns); ++panel)
        std::memset(static_cast<std::byte *>(carry.data) +
                        panel * carry.panelStride * format.elementBytes(),
                    0, rowBytes);
    }
  }
}

void Layer::Work::runBackwardCore(int thread, int64_t blockBegin, int64_t blockEnd) {
  auto [begin, end] = partition(batch.sequences, threads.size(), thread);
  auto table = tableAt(blockEnd - 1, blockBegin);
  for (int64_t step = blockEnd - 1; step >= blockBegin; --step) {
    // Even steps read A and write B, odd ones the other way: no phase overwrites what another still
    // reads.
    for (size_t i = 0; i < table.size(); ++i) {
      const cellwright_buffer_info &info = kernel.buffers[i];
      if (info.role != CELLWRIGHT_ADJOINT_NEXT && info.role != CELLWRIGHT_ADJOINT_STATE)
        continue;
      bool readsA = step % 2 == 0;
      const SeriesView &view =
          ((info.role == CELLWRIGHT_ADJOINT_NEXT) == readsA ? carryA : carryB)[info.index].view();
      table[i] = {view.data, view.panelStride};
    }
    int64_t rowEnd = std::min(end, batch.activeRows(step));
    for (int index : stagePhases[CELLWRIGHT_BACKWARD_CORE]) {
      const cellwright_phase_info &phase = kernel.phases[index];
      callPhase(index, table.data(),
                {begin, rowEnd, 0, phase.tiles, sequences.data(), seed,
                 firstStep + static_cast<uint32_t>(step)},
                thread);
    }
    if (!resets.empty() && begin < rowEnd)
      resetAdjoints(step, begin, rowEnd);
    for (size_t i = 0; i < table.size(); ++i)
      table[i].data = static_cast<std::byte *>(table[i].data) - bindings[i].stepBytes;
  }
}

void Layer::backward(const BackwardArguments &arguments) {
  Work &w = *work;
  CELLWRIGHT_CHECK(w.kernel.has_backward, "kernel `{}` was compiled without its backward pass",
                   w.kernel.name);
  CELLWRIGHT_CHECK(w.hasTape, "`{}`: backward needs a forward call that keeps its tape",
                   w.kernel.name);
  w.wantsInputAdjoints = std::any_of(arguments.inputAdjoints.begin(), arguments.inputAdjoints.end(),
                                     [](const SeriesView &view) { return view.data != nullptr; });
  w.beginAdjoints(arguments);
  int64_t blocks = (w.batch.steps + w.blockSteps - 1) / w.blockSteps;
  w.threads.run([&](int thread) {
    for (int64_t block = blocks - 1; block >= 0; --block) {
      int64_t begin = block * w.blockSteps;
      int64_t end = std::min(begin + w.blockSteps, w.batch.steps);
      w.runStage(CELLWRIGHT_BACKWARD_BEFORE, thread, begin, end);
      w.threads.barrier();
      w.runBackwardCore(thread, begin, end);
      w.threads.barrier();
      w.runStage(CELLWRIGHT_BACKWARD_AFTER, thread, begin, end);
      w.threads.barrier();
      w.runSums(CELLWRIGHT_GRADIENT, thread, begin, end);
      w.threads.barrier();
    }
  });
  w.runSequences(CELLWRIGHT_BACKWARD_SEQUENCE);
  w.runSequences(CELLWRIGHT_GRADIENT_SEQUENCE);
  for (size_t i = 0; i < arguments.inputAdjoints.size(); ++i)
    if (w.kernel.inputs[i].per_sequence && arguments.inputAdjoints[i].data)
      clearRows(arguments.inputAdjoints[i], w.batch.activeRows(0), w.batch.sequences);
  w.runUpdate(CELLWRIGHT_FINISH);
  // Step 0 is even: it wrote B.
  for (int s = 0; s < w.kernel.state_count; ++s) {
    if (s >= static_cast<int>(arguments.initialAdjoints.size()) || !arguments.initialAdjoints[s])
      continue;
    Batch rows{1, w.batch.sequences, {}, {}};
    copySteps(w.carryB[s].view(), rows, w.resetSums[s].view(), 0, 0, w.kernel.states[s].size, false,
              true);
    writeSequences(w.resetSums[s].view(), w.batch, arguments.initialAdjoints[s]);
  }
}

} // namespace cellwright
