// See sequence_model.h.
#include "training/sequence_model.h"

#include "runtime/error.h"
#include "runtime/memory.h"
#include "training/initializers.h"

#include <algorithm>

namespace cellwright {

namespace {

/// A cell of the stack and the prefix of its names.
struct NamedCell {
  std::string name;
  const cellwright_kernel *kernel;
};

/// A network of the whole stack.
struct Stack {
  Stack(const SequenceModelKernels &kernels, ThreadPool &threads);

  std::vector<NamedCell> cells;
  std::unique_ptr<Network> network;
  bool isPacked = false;        // the parameters' values are in the kernels' packed form
  int64_t carriedSequences = 0; // 0: the next call starts from zeros
};

/// Zeroed floats, aligned for every kernel.
struct FlatArray {
  void resize(int64_t newCount) {
    count = newCount;
    bytes.resize(static_cast<size_t>(count) * sizeof(float));
  }
  std::span<float> all() const {
    return {reinterpret_cast<float *>(bytes.data()), static_cast<size_t>(count)};
  }
  AlignedBytes bytes;
  int64_t count = 0;
};

} // namespace

struct SequenceModel::Work {
  explicit Work(ThreadPool &threads) : threads(threads) {}

  Stack &stackOf(ModelMode mode);
  void layOutParams();
  void pack(Stack &stack);

  ThreadPool &threads;
  std::unique_ptr<Stack> evaluation, training;
  std::vector<ModelParam> params;
  std::vector<std::vector<int>> paramsOfCell; // numbers in `params`
  FlatArray values, gradients;
  int64_t trainedCount = 0; // of the flat array
  int64_t memoryLimit = kNoMemoryLimit;
};

//===-- Set-up --------------------------------------------------------------------------------===//

static void checkCell(const NamedCell &cell, bool isFirst) {
  const cellwright_kernel &kernel = *cell.kernel;
  CELLWRIGHT_CHECK(kernel.type == CELLWRIGHT_F32,
                   "{}: `{}` was compiled for F64, training takes F32", cell.name, kernel.name);
  CELLWRIGHT_CHECK(kernel.input_count == 1 && !kernel.inputs[0].per_sequence,
                   "{}: `{}` takes {} inputs, a model gives one vector per step", cell.name,
                   kernel.name, kernel.input_count);
  bool takesIndices = kernel.inputs[0].is_index;
  CELLWRIGHT_CHECK(isFirst || !takesIndices, "{}: `{}` takes indices, expected vectors", cell.name,
                   kernel.name);
}

static void checkHasNoState(const NamedCell &cell) {
  CELLWRIGHT_CHECK(cell.kernel->state_count == 0,
                   "{}: `{}` has a state, expected a cell without one", cell.name,
                   cell.kernel->name);
}

Stack::Stack(const SequenceModelKernels &kernels, ThreadPool &threads) {
  std::vector<LayerSpec> specs;
  auto add = [&](std::string name, const LayerSpec &spec) {
    CELLWRIGHT_CHECK(spec.cell, "{} has no cell", name);
    // A reversed layer would have read what is to be predicted.
    CELLWRIGHT_CHECK(spec.direction == Direction::Forward,
                     "{} runs backwards; a model reads from the first step to the last", name);
    cells.push_back({std::move(name), spec.cell});
    checkCell(cells.back(), cells.size() == 1);
    specs.push_back(spec);
  };
  if (kernels.embedding) {
    add("embedding", {.cell = kernels.embedding});
    checkHasNoState(cells.back());
  }
  for (size_t i = 0; i < kernels.layers.size(); ++i)
    add(fmt::format("layer{}", i), kernels.layers[i]);
  add("decoder", {.cell = kernels.decoder, .dropout = kernels.decoderDropout});
  checkHasNoState(cells.back());
  network = std::make_unique<Network>(std::move(specs), threads);
}

std::vector<int64_t> ModelParam::shape() const {
  if (info.rank == 0)
    return {};
  return info.rank == 1 ? std::vector<int64_t>{info.rows}
                        : std::vector<int64_t>{info.rows, info.columns};
}

/// Gives each parameter its place: trained ones first, so that an optimizer's arrays have no
/// others.
void SequenceModel::Work::layOutParams() {
  constexpr int64_t kStart = kAlignment / sizeof(float);
  int64_t end = 0;
  paramsOfCell.resize(evaluation->cells.size());
  for (auto &list : paramsOfCell)
    list.clear();
  for (bool isFrozen : {false, true}) {
    for (size_t cell = 0; cell < evaluation->cells.size(); ++cell) {
      const cellwright_kernel &kernel = *evaluation->cells[cell].kernel;
      paramsOfCell[cell].resize(kernel.param_count);
      for (int i = 0; i < kernel.param_count; ++i) {
        const cellwright_param_info &info = kernel.params[i];
        if (static_cast<bool>(info.is_frozen) != isFrozen)
          continue;
        int64_t size = static_cast<int64_t>(info.rows) * info.columns;
        paramsOfCell[cell][i] = static_cast<int>(params.size());
        params.push_back(
            {fmt::format("{}.{}", evaluation->cells[cell].name, info.name), info, end, size});
        end += (size + kStart - 1) / kStart * kStart;
      }
    }
    if (!isFrozen)
      trainedCount = end;
  }
  values.resize(end);
}

/// Throws unless both kernels of a cell have the same parameters in the same order.
static void checkSameParams(const NamedCell &evaluation, const NamedCell &training) {
  const cellwright_kernel &a = *evaluation.kernel, &b = *training.kernel;
  bool isSame = a.param_count == b.param_count;
  for (int i = 0; isSame && i < a.param_count; ++i)
    isSame = std::string_view(a.params[i].name) == b.params[i].name &&
             a.params[i].rows == b.params[i].rows && a.params[i].columns == b.params[i].columns;
  CELLWRIGHT_CHECK(isSame, "{}: its kernels for training and evaluation have different parameters",
                   evaluation.name);
}

SequenceModel::SequenceModel(const SequenceModelKernels &evaluation,
                             const std::optional<SequenceModelKernels> &training,
                             ThreadPool &threads)
    : work(std::make_unique<Work>(threads)) {
  work->evaluation = std::make_unique<Stack>(evaluation, threads);
  work->layOutParams();
  if (!training)
    return;
  work->training = std::make_unique<Stack>(*training, threads);
  CELLWRIGHT_CHECK(work->training->cells.size() == work->evaluation->cells.size(),
                   "{} cells for training, {} for evaluation", work->training->cells.size(),
                   work->evaluation->cells.size());
  for (size_t i = 0; i < work->training->cells.size(); ++i)
    checkSameParams(work->evaluation->cells[i], work->training->cells[i]);
  work->gradients.resize(work->trainedCount);
}

SequenceModel::~SequenceModel() = default;

ThreadPool &SequenceModel::threads() const { return work->threads; }
bool SequenceModel::canTrain() const { return work->training != nullptr; }
Format SequenceModel::format() const { return work->evaluation->network->format(); }

bool SequenceModel::takesIndices() const {
  return work->evaluation->cells.front().kernel->inputs[0].is_index;
}

int64_t SequenceModel::inputSize() const {
  return work->evaluation->cells.front().kernel->inputs[0].size;
}

int64_t SequenceModel::outputSize() const {
  return work->evaluation->cells.back().kernel->output_size;
}

const std::string &SequenceModel::firstCell() const { return work->evaluation->cells.front().name; }

//===-- Parameters ----------------------------------------------------------------------------===//

std::span<const ModelParam> SequenceModel::params() const { return work->params; }
std::span<float> SequenceModel::values() { return work->values.all(); }
std::span<float> SequenceModel::valuesOf(const ModelParam &param) {
  return values().subspan(param.offset, param.size);
}
std::span<float> SequenceModel::trainedValues() { return values().first(work->trainedCount); }
std::span<float> SequenceModel::gradients() { return work->gradients.all(); }

int64_t SequenceModel::paramCount() const {
  int64_t count = 0;
  for (const ModelParam &param : work->params)
    count += param.size;
  return count;
}

void SequenceModel::initialize(uint64_t seed, double scale) {
  for (const ModelParam &param : work->params)
    cellwright::initialize(param.info, seed, param.name, valuesOf(param), scale);
  paramsChanged();
}

void SequenceModel::paramsChanged() {
  work->evaluation->isPacked = false;
  if (work->training)
    work->training->isPacked = false;
}

/// Packing is done when a network runs: evaluation has nothing to pack while training goes on.
void SequenceModel::Work::pack(Stack &stack) {
  if (stack.isPacked)
    return;
  for (size_t cell = 0; cell < stack.cells.size(); ++cell) {
    std::vector<const void *> pointers;
    for (int number : paramsOfCell[cell])
      pointers.push_back(values.all().data() + params[number].offset);
    stack.network->cell(static_cast<int>(cell)).setParams(pointers);
  }
  stack.isPacked = true;
}

//===-- Steps ---------------------------------------------------------------------------------===//

Stack &SequenceModel::Work::stackOf(ModelMode mode) {
  if (mode == ModelMode::Evaluation)
    return *evaluation;
  CELLWRIGHT_CHECK(training, "the model was made without kernels for training");
  return *training;
}

SeriesView indexSeries(std::span<const int32_t> indices, Format format) {
  // An index input is one int32 per row, which a view describes as no columns.
  return {const_cast<int32_t *>(indices.data()), 0, static_cast<int64_t>(indices.size()), 0,
          format};
}

SeriesView SequenceModel::forward(ModelMode mode, const ModelInput &input) {
  Stack &stack = work->stackOf(mode);
  int64_t sequences = input.batch.sequences;
  CELLWRIGHT_CHECK(stack.carriedSequences == 0 || stack.carriedSequences == sequences,
                   "the states carried from the batch before are of {} sequences, this one has {}",
                   stack.carriedSequences, sequences);
  work->pack(stack);
  NetworkForward forward;
  forward.batch = input.batch;
  forward.input = input.input;
  forward.isContinued = stack.carriedSequences > 0;
  forward.isTraining = mode == ModelMode::Training;
  forward.memoryLimit = work->memoryLimit;
  forward.firstStep = input.firstStep;
  forward.seed = input.seed;
  stack.network->forward(forward);
  stack.carriedSequences = sequences;
  return stack.network->output();
}

void SequenceModel::backward(const SeriesView &outputAdjoint) {
  NetworkBackward backward;
  backward.outputAdjoint = outputAdjoint;
  for (const std::vector<int> &numbers : work->paramsOfCell) {
    auto &pointers = backward.paramGradients.emplace_back();
    for (int number : numbers)
      pointers.push_back(work->params[number].info.is_frozen
                             ? nullptr
                             : gradients().data() + work->params[number].offset);
  }
  work->stackOf(ModelMode::Training).network->backward(backward);
}

void SequenceModel::restart(ModelMode mode) {
  if (mode == ModelMode::Evaluation || work->training)
    work->stackOf(mode).carriedSequences = 0;
}

std::vector<TapePlan> SequenceModel::limitMemory(int64_t bytes, int64_t steps, int64_t sequences) {
  CELLWRIGHT_CHECK(work->training, "the model was made without kernels for training");
  std::vector<TapePlan> plans =
      work->training->network->planTapes({steps, sequences, /*hasResets=*/false}, bytes);
  work->memoryLimit = bytes;
  return plans;
}

//===-- States --------------------------------------------------------------------------------===//

/// Calls `visit(name, layer, state)` for all states of a stack.
template <typename Visit> static void forStates(const Stack &stack, const Visit &visit) {
  for (size_t cell = 0; cell < stack.cells.size(); ++cell) {
    const cellwright_kernel &kernel = *stack.cells[cell].kernel;
    for (int state = 0; state < kernel.state_count; ++state)
      visit(fmt::format("{}.{}", stack.cells[cell].name, kernel.states[state].name),
            stack.network->cell(static_cast<int>(cell)), state);
  }
}

std::vector<ModelState> SequenceModel::states() const {
  std::vector<ModelState> states;
  if (!work->training || work->training->carriedSequences == 0)
    return states;
  int64_t sequences = work->training->carriedSequences;
  forStates(*work->training, [&](std::string name, const Layer &layer, int state) {
    int64_t size = layer.kernel().states[state].size;
    states.push_back({std::move(name), sequences, size, std::vector<float>(sequences * size)});
    layer.carriedState(state, states.back().values.data());
  });
  return states;
}

void SequenceModel::setStates(std::span<const ModelState> states) {
  CELLWRIGHT_CHECK(work->training, "the model was made without kernels for training");
  if (states.empty())
    return restart(ModelMode::Training);
  int64_t sequences = states.front().sequences;
  size_t found = 0;
  forStates(*work->training, [&](const std::string &name, Layer &layer, int number) {
    auto state = std::find_if(states.begin(), states.end(),
                              [&](const ModelState &candidate) { return candidate.name == name; });
    CELLWRIGHT_CHECK(state != states.end(), "the state `{}` is missing", name);
    int64_t size = layer.kernel().states[number].size;
    CELLWRIGHT_CHECK(state->sequences == sequences && state->size == size &&
                         static_cast<int64_t>(state->values.size()) == sequences * size,
                     "the state `{}` has shape [{}, {}], expected [{}, {}]", name, state->sequences,
                     state->size, sequences, size);
    layer.setCarriedState(number, state->values.data(), sequences);
    ++found;
  });
  CELLWRIGHT_CHECK(found == states.size(), "{} states for a model that has {}", states.size(),
                   found);
  work->training->carriedSequences = sequences;
}

} // namespace cellwright
