// What a caller may get wrong, said before a kernel reads or writes where it should not.
#include "runtime/error.h"
#include "runtime/layer_work.h"

#include <algorithm>

namespace cellwright {

template <typename List>
void Layer::Work::checkCount(const List &list, int count, std::string_view what) const {
  CELLWRIGHT_CHECK(list.empty() || static_cast<int>(list.size()) == count,
                   "`{}`: expected {} {}, got {}", kernel.name, count, what, list.size());
}

void Layer::Work::checkView(const SeriesView &view, int64_t rows, int64_t columns,
                            std::string_view what, std::string_view name) const {
  CELLWRIGHT_CHECK(view.format == format, "`{}`: {}`{}` has another element type or panel width",
                   kernel.name, what, name);
  CELLWRIGHT_CHECK(view.rows >= rows && view.columns == columns,
                   "`{}`: {}`{}`: expected {} rows of {} numbers, got {} of {}", kernel.name, what,
                   name, rows, columns, view.rows, view.columns);
}

void Layer::Work::checkBatch(const Batch &batch) {
  int64_t N = batch.sequences;
  CELLWRIGHT_CHECK(batch.steps > 0 && N > 0,
                   "`{}`: expected at least one step and one sequence, got T = {}, N = {}",
                   kernel.name, batch.steps, N);
  auto isWhole = [&](size_t size) { return size == 0 || static_cast<int64_t>(size) == N; };
  CELLWRIGHT_CHECK(isWhole(batch.lengths.size()) && isWhole(batch.order.size()),
                   "`{}`: a batch of {} sequences has {} lengths and an order of {}", kernel.name,
                   N, batch.lengths.size(), batch.order.size());
  for (size_t row = 0; row < batch.lengths.size(); ++row) {
    int64_t most = row == 0 ? batch.steps : batch.lengths[row - 1];
    CELLWRIGHT_CHECK(batch.lengths[row] >= 0 && batch.lengths[row] <= most,
                     "`{}`: row {} has length {}, expected 0 to {}: makeBatch sorts rows",
                     kernel.name, row, batch.lengths[row], most);
  }
  seen.assign(batch.order.size(), 0);
  for (int32_t sequence : batch.order)
    CELLWRIGHT_CHECK(sequence >= 0 && sequence < N && !std::exchange(seen[sequence], 1),
                     "`{}`: the order of a batch names sequence {} of {} twice or in vain",
                     kernel.name, sequence, N);
}

/// A kernel trusts its indices.
void Layer::Work::checkIndices(int input, const SeriesView &view, const Batch &batch) const {
  const cellwright_vector_info &info = kernel.inputs[input];
  auto numbers = static_cast<const int32_t *>(view.data);
  int64_t steps = info.per_sequence ? 1 : batch.steps;
  for (int64_t step = 0; step < steps; ++step) {
    int64_t rows = info.per_sequence ? batch.sequences : batch.activeRows(step);
    for (int64_t row = 0; row < rows; ++row) {
      int32_t number = numbers[step * batch.sequences + row];
      CELLWRIGHT_CHECK(number >= 0 && number < info.size,
                       "`{}`: input `{}`: index {} at step {}, expected 0 to {}", kernel.name,
                       info.name, number, step, info.size - 1);
    }
  }
}

void Layer::Work::checkForward(const ForwardArguments &arguments) {
  const Batch &given = arguments.batch;
  CELLWRIGHT_CHECK(hasParams || kernel.param_count == 0, "`{}`: forward needs setParams first",
                   kernel.name);
  checkBatch(given);
  CELLWRIGHT_CHECK(static_cast<int>(arguments.inputs.size()) == kernel.input_count,
                   "`{}` has {} inputs, got {}", kernel.name, kernel.input_count,
                   arguments.inputs.size());
  checkCount(arguments.initialStates, kernel.state_count, "initial states");
  for (int i = 0; i < kernel.input_count; ++i) {
    const cellwright_vector_info &info = kernel.inputs[i];
    const SeriesView &view = arguments.inputs[i];
    CELLWRIGHT_CHECK(view.data, "`{}`: input `{}` is missing", kernel.name, info.name);
    int64_t rows = given.sequences * (info.per_sequence ? 1 : given.steps);
    checkView(view, rows, info.is_index ? 0 : info.size, "input ", info.name);
    if (info.is_index)
      checkIndices(i, view, given);
  }
  for (int s = 0; s < kernel.state_count && arguments.isContinued; ++s)
    CELLWRIGHT_CHECK(carried[s].view().rows == given.sequences,
                     "cannot continue: the last call had {} sequences, this one has {}",
                     carried[s].view().rows, given.sequences);
}

/// A call like the last one is planned like that.
TapePlan Layer::Work::planOrThrow(const ForwardArguments &arguments) {
  TapeSpan span{arguments.batch.steps, arguments.batch.sequences, arguments.resets != nullptr};
  int64_t limit = arguments.keepsTape ? arguments.memoryLimit : kNoMemoryLimit;
  if (planned && span == plannedSpan && limit == plannedLimit)
    return *planned;
  std::optional<TapePlan> found = cellwright::planTape(tapeShape, span, limit);
  if (!found)
    throw Error(fmt::format("`{}`: {}", kernel.name,
                            describeMisfit(span, limit, planSmallestTape(tapeShape, span).bytes)));
  plannedSpan = span;
  plannedLimit = limit;
  planned = found;
  return *planned;
}

bool Layer::Work::hasBuffer(cellwright_role role, int index) const {
  return std::any_of(
      kernel.buffers, kernel.buffers + kernel.buffer_count,
      [&](const cellwright_buffer_info &info) { return info.role == role && info.index == index; });
}

void Layer::Work::checkBackward(const BackwardArguments &arguments) const {
  CELLWRIGHT_CHECK(kernel.has_backward, "kernel `{}` was compiled without its backward pass",
                   kernel.name);
  CELLWRIGHT_CHECK(hasTape, "`{}`: backward needs a forward call that keeps its tape", kernel.name);
  int64_t rows = batch.steps * batch.sequences;
  if (arguments.outputAdjoint.data)
    checkView(arguments.outputAdjoint, rows, kernel.output_size, "adjoint of ", "output");
  checkCount(arguments.stateAdjoints, kernel.state_count, "adjoints of states");
  for (size_t s = 0; s < arguments.stateAdjoints.size(); ++s) {
    if (!arguments.stateAdjoints[s].data)
      continue;
    const cellwright_vector_info &info = kernel.states[s];
    checkView(arguments.stateAdjoints[s], rows, info.size, "adjoint of state ", info.name);
    // A state that no gradient goes through has neither.
    CELLWRIGHT_CHECK(hasBuffer(CELLWRIGHT_ADJOINT_DIRECT, static_cast<int>(s)) ||
                         !hasBuffer(CELLWRIGHT_ADJOINT_NEXT, static_cast<int>(s)),
                     "kernel `{}` was compiled without adjoints of its states' steps; got one of "
                     "`{}`",
                     kernel.name, info.name);
  }
  checkCount(arguments.finalAdjoints, kernel.state_count, "adjoints of final states");
  checkCount(arguments.initialAdjoints, kernel.state_count, "adjoints of initial states");
  CELLWRIGHT_CHECK(static_cast<int>(arguments.paramGradients.size()) == kernel.param_count,
                   "`{}` has {} parameters, got room for {} gradients", kernel.name,
                   kernel.param_count, arguments.paramGradients.size());
  for (int p = 0; p < kernel.param_count; ++p)
    CELLWRIGHT_CHECK(kernel.params[p].is_frozen || arguments.paramGradients[p],
                     "`{}`: the gradient of `{}` has no room", kernel.name, kernel.params[p].name);
  checkCount(arguments.inputAdjoints, kernel.input_count, "adjoints of inputs");
  for (size_t i = 0; i < arguments.inputAdjoints.size(); ++i) {
    if (!arguments.inputAdjoints[i].data)
      continue;
    const cellwright_vector_info &info = kernel.inputs[i];
    CELLWRIGHT_CHECK(!info.is_index, "`{}`: input `{}` is an index, which has no adjoint",
                     kernel.name, info.name);
    checkView(arguments.inputAdjoints[i], info.per_sequence ? batch.sequences : rows, info.size,
              "adjoint of input ", info.name);
  }
}

} // namespace cellwright
