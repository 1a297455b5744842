// See compile.h: between row-major memory of the caller and the series of a Layer.
#include "cellwright/compile.h"

#include "api/cell_parts.h"
#include "api/names.h"
#include "api/parameter_store.h"
#include "codegen/compile.h"
#include "runtime/error.h"
#include "runtime/layer.h"

#include <algorithm>
#include <concepts>

namespace cellwright {

namespace {

/// How messages say that a caller gives a dimension: `H=16`.
constexpr std::string_view kNoOption = "";

LoadSettings settingsOf(std::span<const NamedSize> sizes, std::vector<NamedNumber> options) {
  LoadSettings settings;
  settings.options = std::move(options);
  for (const NamedSize &size : sizes)
    settings.dimensions.push_back({std::string(size.name), static_cast<double>(size.number)});
  return settings;
}

/// The cell with other numbers for its options; they may change its sizes.
LoadedCell withOptions(const LoadedCell &cell, std::span<const NamedSize> sizes,
                       const std::vector<NamedNumber> &options) {
  if (options.empty())
    return cell;
  return parse(cell.text(), cell.name(), settingsOf(sizes, options), cell.name());
}

Bound bindSizes(const LoadedCell &cell, std::span<const NamedSize> sizes) {
  const CellParts &parts = cell.parts();
  const Sources &sources = parts.frontend.program().sources;
  Diagnostics problems;
  SuggestionBudget budget;
  checkSettings(parts.checked.cell, toSettings(settingsOf(sizes, {})), budget, problems);
  throwErrors(problems, sources);
  std::vector<SizeFact> facts;
  for (const NamedSize &size : sizes)
    addDimensionFact(parts.checked.cell, size.name, size.number, facts, kNoOption);
  std::optional<Bound> bound = bindCell(parts.checked.cell, facts, problems, kNoOption);
  throwErrors(problems, sources);
  return std::move(*bound);
}

CompileOptions optionsOf(const CompileSettings &settings, bool isDouble) {
  CompileOptions options;
  options.target = settings.target;
  options.isDouble = isDouble;
  options.isTraining = settings.purpose == Purpose::Training;
  options.hasBackward = settings.purpose != Purpose::Inference;
  options.stateAdjoints = settings.takesStateAdjoints && options.hasBackward;
  options.indexInputs = settings.indexInputs;
  options.cacheDirectory = settings.cacheFolder.value_or(defaultCacheDirectory());
  return options;
}

int threadsOf(const CompileSettings &settings) {
  CELLWRIGHT_CHECK(settings.threads >= 1, "threads: expected at least 1, got {}", settings.threads);
  return settings.threads;
}

} // namespace

template <class T> struct CompiledCell<T>::Work {
  Work(const LoadedCell &given, std::span<const NamedSize> sizes, const CompileSettings &settings)
      : cell(withOptions(given, sizes, settings.options)), bound(bindSizes(cell, sizes)),
        compiled(compileCell(cell.parts().checked.cell, bound,
                             optionsOf(settings, std::same_as<T, double>))),
        kernel(compiled.kernel()), pool(threadsOf(settings)), layer(kernel, pool),
        format(layer.format()), params(kernel), inputs(kernel.input_count),
        indices(kernel.input_count), states(kernel.state_count), finals(kernel.state_count),
        stateAdjoints(kernel.state_count), inputAdjoints(kernel.input_count),
        inputGradients(kernel.input_count), initialGradients(kernel.state_count) {}

  LoadedCell cell;
  Bound bound;
  CompiledKernel compiled;
  const cellwright_kernel &kernel;
  ThreadPool pool;
  Layer layer;
  Format format;
  ParameterStore<T> params;
  bool isFresh = false;     // the layer has read the parameters since they changed
  bool hasResult = false;   // `forward` or `step` has run
  bool hasGradient = false; // `backward` has run after it
  bool isRestarted = true;  // the next step begins with zero states
  bool hasInputGradients = false;

  Batch batch; // of the last call
  std::vector<Series> inputs;
  std::vector<std::vector<int32_t>> indices; // of inputs that are given so
  std::vector<T> output;
  std::vector<std::vector<T>> states, finals; // made when they are asked for
  Series outputAdjoint;
  std::vector<Series> stateAdjoints, inputAdjoints;
  std::vector<std::vector<T>> inputGradients; // made when they are asked for
  std::vector<std::vector<T>> initialGradients;

  int64_t rowsOf(const cellwright_vector_info &info) const {
    return batch.sequences * (info.per_sequence ? 1 : batch.steps);
  }
  int findState(std::string_view name) const {
    return findNamed(kernel.name, "state", name, kernel.states, kernel.state_count);
  }

  /// Throws unless `values` are as many as [T, N, d] or [N, d] say.
  void checkValues(std::string_view what, std::string_view name, size_t given, bool hasSteps,
                   int64_t size) const {
    int64_t expected = batch.sequences * size * (hasSteps ? batch.steps : 1);
    CELLWRIGHT_CHECK(static_cast<int64_t>(given) == expected,
                     "{}`{}`: expected {} numbers for {}N = {}, d = {}, got {}", what, name,
                     expected, hasSteps ? fmt::format("T = {}, ", batch.steps) : "",
                     batch.sequences, size, given);
  }
  template <class List> void checkCount(const List &list, int count, std::string_view what) const {
    CELLWRIGHT_CHECK(list.empty() || static_cast<int>(list.size()) == count,
                     "cell `{}`: expected {} {}, got {}", kernel.name, count, what, list.size());
  }

  void readParams() {
    if (isFresh)
      return;
    layer.setParams(params.pointers());
    isFresh = true;
  }

  SeriesView readInput(int i, const InputValues<T> &given) {
    const cellwright_vector_info &info = kernel.inputs[i];
    CELLWRIGHT_CHECK(given.isIndex || !info.is_index,
                     "input `{}`: expected indices, int32_t, got elements", info.name);
    CELLWRIGHT_CHECK(!given.isIndex || info.is_index,
                     "input `{}`: expected elements, got indices; name the input in indexInputs to "
                     "give indices",
                     info.name);
    if (info.is_index)
      return readIndices(i, given.indices);
    checkValues("input ", info.name, given.dense.size(), !info.per_sequence, info.size);
    inputs[i].resize(format, rowsOf(info), info.size);
    if (info.per_sequence)
      readSequences(given.dense.data(), batch, inputs[i].view());
    else
      readSteps(given.dense.data(), batch, inputs[i].view());
    return inputs[i].view();
  }

  /// Puts indices in the order of the batch.
  SeriesView readIndices(int i, std::span<const int32_t> given) {
    const cellwright_vector_info &info = kernel.inputs[i];
    checkValues("input ", info.name, given.size(), !info.per_sequence, 1);
    int64_t N = batch.sequences;
    indices[i].resize(static_cast<size_t>(rowsOf(info)));
    for (int64_t row = 0; row < rowsOf(info); ++row)
      indices[i][row] = given[row / N * N + batch.caller(row % N)];
    return {indices[i].data(), 0, rowsOf(info), 0, format};
  }

  void forward(const Sequences<T> &call) {
    readParams();
    CELLWRIGHT_CHECK(call.steps > 0 && call.sequences > 0,
                     "expected at least one step and one sequence, got T = {}, N = {}", call.steps,
                     call.sequences);
    batch = makeBatch(call.steps, call.sequences, call.lengths);
    CELLWRIGHT_CHECK(static_cast<int>(call.inputs.size()) == kernel.input_count,
                     "cell `{}` has {} inputs, got {}", kernel.name, kernel.input_count,
                     call.inputs.size());
    checkCount(call.initialStates, kernel.state_count, "initial states");
    ForwardArguments arguments;
    arguments.batch = batch;
    for (int i = 0; i < kernel.input_count; ++i)
      arguments.inputs.push_back(readInput(i, call.inputs[i]));
    for (size_t s = 0; s < call.initialStates.size(); ++s)
      arguments.initialStates.push_back(readStates("initial state ", s, call.initialStates[s]));
    if (!call.resets.empty())
      checkValues("", "resets", call.resets.size(), true, 1);
    arguments.resets = call.resets.empty() ? nullptr : call.resets.data();
    arguments.isContinued = call.isContinued;
    arguments.keepsTape = call.keepsTape && kernel.has_backward;
    arguments.memoryLimit = call.tapeBytes;
    arguments.seed = call.seed;
    arguments.firstStep = call.firstStep;
    hasResult = hasGradient = false; // if this throws
    layer.forward(arguments);
    output.resize(static_cast<size_t>(batch.steps * batch.sequences * kernel.output_size));
    writeSteps(layer.output(), batch, output.data());
    hasResult = true;
    isRestarted = false;
  }

  /// [N, d] of a state, or null for zeros.
  const void *readStates(std::string_view what, size_t s, std::span<const T> given) const {
    if (given.empty())
      return nullptr;
    checkValues(what, kernel.states[s].name, given.size(), false, kernel.states[s].size);
    return given.data();
  }

  SeriesView readAdjoint(std::string_view name, std::span<const T> given, int64_t size,
                         Series &series) {
    if (given.empty())
      return {};
    checkValues("adjoint of ", name, given.size(), true, size);
    series.resize(format, batch.steps * batch.sequences, size);
    readSteps(given.data(), batch, series.view());
    return series.view();
  }

  void backward(const Adjoints<T> &given) {
    checkCount(given.states, kernel.state_count, "adjoints of states");
    checkCount(given.finalStates, kernel.state_count, "adjoints of final states");
    CELLWRIGHT_CHECK(hasResult, "backward goes back over a forward call; there was none");
    BackwardArguments arguments;
    arguments.outputAdjoint =
        readAdjoint("output", given.output, kernel.output_size, outputAdjoint);
    for (size_t s = 0; s < given.states.size(); ++s)
      arguments.stateAdjoints.push_back(readAdjoint(kernel.states[s].name, given.states[s],
                                                    kernel.states[s].size, stateAdjoints[s]));
    for (size_t s = 0; s < given.finalStates.size(); ++s)
      arguments.finalAdjoints.push_back(
          readStates("adjoint of final state ", s, given.finalStates[s]));
    for (int s = 0; s < kernel.state_count; ++s) {
      initialGradients[s].resize(static_cast<size_t>(batch.sequences * kernel.states[s].size));
      arguments.initialAdjoints.push_back(initialGradients[s].data());
    }
    arguments.paramGradients = params.gradientPointers();
    for (int i = 0; i < kernel.input_count && given.computesInputGradients; ++i) {
      bool isIndex = kernel.inputs[i].is_index != 0;
      if (!isIndex)
        inputAdjoints[i].resize(format, rowsOf(kernel.inputs[i]), kernel.inputs[i].size);
      arguments.inputAdjoints.push_back(isIndex ? SeriesView() : inputAdjoints[i].view());
    }
    hasGradient = false; // if this throws
    layer.backward(arguments);
    hasGradient = true;
    hasInputGradients = given.computesInputGradients;
  }

  void requireResult() const {
    CELLWRIGHT_CHECK(hasResult, "there is no result yet; call forward or step first");
  }
  void requireGradient() const {
    CELLWRIGHT_CHECK(hasGradient, "there is no gradient yet; call backward first");
  }
};

template <class T>
CompiledCell<T>::CompiledCell(const LoadedCell &cell, std::span<const NamedSize> sizes,
                              const CompileSettings &settings)
    : work(std::make_unique<Work>(cell, sizes, settings)) {}
template <class T> CompiledCell<T>::~CompiledCell() = default;
template <class T> CompiledCell<T>::CompiledCell(CompiledCell &&) noexcept = default;
template <class T> CompiledCell<T> &CompiledCell<T>::operator=(CompiledCell &&) noexcept = default;

template <class T> const LoadedCell &CompiledCell<T>::cell() const { return work->cell; }

template <class T> int64_t CompiledCell<T>::size(std::string_view dimension) const {
  const std::vector<Dimension> &all = work->cell.parts().checked.cell.dimensions;
  int i = findNamed(work->kernel.name, "dimension", dimension, all.data(),
                    static_cast<int>(all.size()));
  return work->bound.dimensions[i];
}

//===-- Parameters ----------------------------------------------------------------------------===//

template <class T> void CompiledCell<T>::initialize(uint64_t seed) {
  work->params.initialize(seed);
  refresh();
}

template <class T>
void CompiledCell<T>::setParam(std::string_view name, std::span<const T> values) {
  work->params.set(work->params.find(name), values);
  refresh();
}

template <class T> void CompiledCell<T>::bind(std::string_view name, std::span<const T> values) {
  work->params.bind(work->params.find(name), values);
  refresh();
}

template <class T> void CompiledCell<T>::refresh() { work->isFresh = false; }

template <class T> std::span<const T> CompiledCell<T>::param(std::string_view name) const {
  return work->params.values(work->params.find(name));
}

template <class T> std::span<T> CompiledCell<T>::trainedParams() {
  work->requireGradient();
  return work->params.trained();
}

template <class T> std::span<const T> CompiledCell<T>::trainedGradients() const {
  return work->params.trainedGradients();
}

//===-- Running -------------------------------------------------------------------------------===//

template <class T> std::span<const T> CompiledCell<T>::forward(const Sequences<T> &call) {
  work->forward(call);
  return work->output;
}

template <class T> void CompiledCell<T>::backward(const Adjoints<T> &adjoints) {
  work->backward(adjoints);
}

template <class T>
std::span<const T> CompiledCell<T>::step(std::vector<InputValues<T>> inputs, int64_t sequences) {
  Sequences<T> call;
  call.sequences = sequences;
  call.inputs = std::move(inputs);
  call.isContinued = !work->isRestarted;
  call.keepsTape = false;
  return forward(call);
}

template <class T> void CompiledCell<T>::restart() { work->isRestarted = true; }

//===-- Results -------------------------------------------------------------------------------===//

template <class T> std::span<const T> CompiledCell<T>::output() const {
  work->requireResult();
  return work->output;
}

template <class T> std::span<const T> CompiledCell<T>::state(std::string_view name) {
  int s = work->findState(name);
  work->requireResult();
  const Batch &batch = work->batch;
  std::vector<T> &state = work->states[s];
  state.resize(static_cast<size_t>(batch.steps * batch.sequences * work->kernel.states[s].size));
  writeSteps(work->layer.state(s), batch, state.data());
  return state;
}

template <class T> std::span<const T> CompiledCell<T>::finalState(std::string_view name) {
  int s = work->findState(name);
  work->requireResult();
  std::vector<T> &state = work->finals[s];
  state.resize(static_cast<size_t>(work->batch.sequences * work->kernel.states[s].size));
  work->layer.finalState(s, state.data());
  return state;
}

template <class T> std::span<const T> CompiledCell<T>::gradient(std::string_view param) const {
  int p = work->params.find(param);
  work->requireGradient();
  return work->params.gradient(p);
}

template <class T> std::span<const T> CompiledCell<T>::inputGradient(std::string_view input) {
  const cellwright_kernel &kernel = work->kernel;
  int i = findNamed(kernel.name, "input", input, kernel.inputs, kernel.input_count);
  work->requireGradient();
  CELLWRIGHT_CHECK(!kernel.inputs[i].is_index, "input `{}` is an index, which has no gradient",
                   input);
  CELLWRIGHT_CHECK(work->hasInputGradients,
                   "the last backward call was told not to compute gradients of inputs");
  const SeriesView &series = work->inputAdjoints[i].view();
  std::vector<T> &gradient = work->inputGradients[i];
  gradient.resize(static_cast<size_t>(series.rows * series.columns));
  if (kernel.inputs[i].per_sequence)
    writeSequences(series, work->batch, gradient.data());
  else
    writeSteps(series, work->batch, gradient.data());
  return gradient;
}

template <class T>
std::span<const T> CompiledCell<T>::initialGradient(std::string_view state) const {
  int s = work->findState(state);
  work->requireGradient();
  return work->initialGradients[s];
}

template class CompiledCell<float>;
template class CompiledCell<double>;

} // namespace cellwright
