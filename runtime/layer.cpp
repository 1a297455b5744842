// See layer.h. Time is cut into blocks of steps: what does not depend on the recurrence is done for
// a whole block at once, while it is in the cache. Every thread owns a range of rows in all stages
// but the sums over rows, where it owns tiles of the result; so no result depends on the number of
// threads.
#include "runtime/layer.h"

#include "runtime/error.h"
#include "runtime/layer_work.h"

#include <algorithm>

namespace cellwright {

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
  for (int i = 0; i < w.kernel.param_count; ++i)
    CELLWRIGHT_CHECK(params[i], "`{}`: parameter `{}` is missing", w.kernel.name,
                     w.kernel.params[i].name);
  for (int i = 0; i < w.kernel.buffer_count; ++i)
    if (w.kernel.buffers[i].role == CELLWRIGHT_PARAM)
      w.bindings[i].base =
          static_cast<std::byte *>(const_cast<void *>(params[w.kernel.buffers[i].index]));
  w.runUpdate(CELLWRIGHT_PREPARE);
  w.hasParams = true;
}

void Layer::forward(const ForwardArguments &arguments) {
  Work &w = *work;
  w.checkForward(arguments);
  TapePlan plan = w.planOrThrow(arguments);
  const Batch &batch = arguments.batch;
  w.resize(arguments, plan);
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
  for (int i = 0; i < w.kernel.input_count; ++i)
    w.bindInput(i, arguments.inputs[i]);
  w.beginStates(arguments);
  w.runSequences(CELLWRIGHT_FORWARD_SEQUENCE);
  w.forwardSegments();
}

void Layer::backward(const BackwardArguments &arguments) {
  Work &w = *work;
  w.checkBackward(arguments);
  w.wantsInputAdjoints = std::any_of(arguments.inputAdjoints.begin(), arguments.inputAdjoints.end(),
                                     [](const SeriesView &view) { return view.data != nullptr; });
  w.bindAdjoints(arguments);
  w.beginAdjoints(arguments);
  w.backwardSegments();
  w.runSequences(CELLWRIGHT_BACKWARD_SEQUENCE);
  w.runSequences(CELLWRIGHT_GRADIENT_SEQUENCE);
  w.runUpdate(CELLWRIGHT_FINISH);
  w.endAdjoints(arguments);
}

std::optional<TapePlan> Layer::planTape(const TapeSpan &span, int64_t memoryLimit) const {
  return cellwright::planTape(work->tapeShape, span, memoryLimit);
}

const TapeShape &Layer::tapeShape() const { return work->tapeShape; }
int64_t Layer::heldTapeBytes() const { return work->heldTapeBytes(); }

//===-- Results -------------------------------------------------------------------------------===//

SeriesView Layer::state(int index) const {
  CELLWRIGHT_CHECK(work->isWhole(index),
                   "`{}`: the limit on memory left {} of {} steps of the state `{}`; read the "
                   "output, or leave the limit out",
                   work->kernel.name, work->plan.segmentSteps, work->plan.steps,
                   work->kernel.states[index].name);
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

void Layer::finalState(int index, void *rowMajor) const { carriedState(index, rowMajor); }

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

bool Layer::dividesColumns(cellwright_stage core) const { return work->dividesColumns(core); }

} // namespace cellwright
