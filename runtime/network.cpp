// See network.h. A layer passes its series on as it stands; only what changes it, another
// direction, a sum, a mask, makes a copy.
#include "runtime/network.h"

#include "runtime/error.h"

#include <algorithm>

namespace cellwright {

namespace {

/// Number of the one input that changes with the steps.
int stepInput(const cellwright_kernel &kernel, bool isReversed) {
  int found = -1;
  for (int i = 0; i < kernel.input_count; ++i) {
    if (kernel.inputs[i].per_sequence)
      continue;
    CELLWRIGHT_CHECK(found < 0,
                     "`{}` has the step inputs `{}` and `{}`; a layer of a network has one",
                     kernel.name, kernel.inputs[found].name, kernel.inputs[i].name);
    found = i;
  }
  CELLWRIGHT_CHECK(!(found >= 0 && isReversed && kernel.inputs[found].is_index),
                   "`{}` takes indices, which cannot run from the end to the start", kernel.name);
  CELLWRIGHT_CHECK(found >= 0,
                   "`{}` has no input that changes with the steps; a layer of a network has one",
                   kernel.name);
  return found;
}

/// One cell of a layer, with what its direction needs.
struct DirectedCell {
  DirectedCell(const cellwright_kernel &kernel, bool isReversed, ThreadPool &threads)
      : layer(kernel, threads), input(stepInput(kernel, isReversed)), isReversed(isReversed) {}

  int64_t inputSize() const { return layer.kernel().inputs[input].size; }
  int64_t outputSize() const { return layer.kernel().output_size; }

  bool takesIndices() const { return layer.kernel().inputs[input].is_index; }

  Layer layer;
  int input;
  bool isReversed;
  Series reversedInput, outputAdjoint, inputAdjoint;
  // Arguments of the layer's calls; kept, so that a call like the last one allocates nothing.
  ForwardArguments forward;
  BackwardArguments backward;
};

/// Copies a list's entry for a cell: lists may be left out.
template <typename List> void copyEntry(const std::vector<List> &lists, size_t cell, List &entry) {
  if (cell < lists.size())
    entry = lists[cell];
  else
    entry.clear();
}

} // namespace

struct Network::Work {
  struct Stacked {
    LayerSpec spec;
    std::vector<size_t> cells; // one, or forward and reversed
    std::unique_ptr<Layer> dropout;
    SeriesView input, output; // of the last forward call
    Series merged;            // where the output is made of several
    Series masked;            // adjoint of the masked input
    Series inputAdjoint;
    bool isDropped = false; // in the last forward call
    ForwardArguments dropForward;
    BackwardArguments dropBackward;
  };

  /// All layers of the runtime: of cells in order, then of dropouts.
  template <typename Visit> void forLayers(const Visit &visit) const {
    for (const DirectedCell &cell : cells)
      visit(cell.layer);
    for (const Stacked &layer : layers)
      if (layer.dropout)
        visit(*layer.dropout);
  }
  std::vector<TapePlan> planTapes(const TapeSpan &span, int64_t limit) const;
  void shareLimit(const NetworkForward &arguments);
  void checkSizes() const;
  void checkLayer(size_t number, int64_t below) const;
  void checkArguments(const NetworkForward &arguments) const;
  int64_t outputSize(const Stacked &layer) const;
  void forwardLayer(Stacked &layer, const NetworkForward &arguments);
  void forwardCell(size_t index, const SeriesView &input, const NetworkForward &arguments);
  void mergeOutputs(Stacked &layer);
  SeriesView backwardLayer(Stacked &layer, const SeriesView &outputAdjoint,
                           const NetworkBackward &arguments, bool wantsInput,
                           const SeriesView &given);
  void collectInputAdjoints(DirectedCell &cell, size_t index, const NetworkBackward &arguments,
                            const SeriesView &ofSteps);

  Batch batch;
  Format format;
  std::vector<DirectedCell> cells;
  std::vector<Stacked> layers;
  Series zeros;         // the output's adjoint where none is given
  TapeSpan plannedSpan; // of the last call whose limit was shared, and that limit
  int64_t plannedLimit = kNoMemoryLimit;
};

//===-- Set-up --------------------------------------------------------------------------------===//

Network::Network(std::vector<LayerSpec> specs, ThreadPool &threads)
    : work(std::make_unique<Work>()) {
  CELLWRIGHT_CHECK(!specs.empty(), "a network has at least one layer, got none");
  for (const LayerSpec &spec : specs) {
    Work::Stacked layer;
    layer.spec = spec;
    bool isBoth = spec.direction == Direction::BothConcat || spec.direction == Direction::BothSum;
    CELLWRIGHT_CHECK(spec.cell, "a layer of the network has no cell");
    CELLWRIGHT_CHECK(isBoth == (spec.reversedCell != nullptr),
                     "a layer has a second cell exactly if it runs in both directions");
    layer.cells.push_back(work->cells.size());
    work->cells.emplace_back(*spec.cell, spec.direction == Direction::Reversed, threads);
    if (isBoth) {
      layer.cells.push_back(work->cells.size());
      work->cells.emplace_back(*spec.reversedCell, true, threads);
    }
    if (spec.dropout)
      layer.dropout = std::make_unique<Layer>(*spec.dropout, threads);
    work->layers.push_back(std::move(layer));
  }
  work->format = work->cells.front().layer.format();
  work->checkSizes();
  for (Work::Stacked &layer : work->layers)
    if (layer.dropout)
      layer.dropout->setParams({});
}

Network::~Network() = default;

int64_t Network::Work::outputSize(const Stacked &layer) const {
  int64_t first = cells[layer.cells[0]].outputSize();
  return layer.spec.direction == Direction::BothConcat ? first + cells[layer.cells[1]].outputSize()
                                                       : first;
}

/// Checks a layer that gets so many numbers from the layer below.
void Network::Work::checkLayer(size_t number, int64_t below) const {
  const Stacked &layer = layers[number];
  bool takesIndices = cells[layer.cells[0]].takesIndices();
  for (size_t index : layer.cells) {
    const DirectedCell &cell = cells[index];
    const cellwright_kernel &kernel = cell.layer.kernel();
    CELLWRIGHT_CHECK(cell.layer.format() == format,
                     "layer {}: `{}` was compiled for another element type or target", number,
                     kernel.name);
    CELLWRIGHT_CHECK(cell.inputSize() == below,
                     "layer {}: `{}` takes {} numbers, the layer below gives {}", number,
                     kernel.name, cell.inputSize(), below);
    CELLWRIGHT_CHECK(cell.takesIndices() == takesIndices && !(takesIndices && number > 0),
                     "layer {}: `{}` takes {}, the layer below gives {}", number, kernel.name,
                     cell.takesIndices() ? "indices" : "numbers",
                     takesIndices && number == 0 ? "indices" : "numbers");
    CELLWRIGHT_CHECK(layer.spec.direction != Direction::BothSum ||
                         cell.outputSize() == cells[layer.cells[0]].outputSize(),
                     "layer {}: the sum of both directions needs equal sizes, got {} and {}",
                     number, cells[layer.cells[0]].outputSize(), cell.outputSize());
  }
  CELLWRIGHT_CHECK(!layer.spec.isResidual || (outputSize(layer) == below && !takesIndices),
                   "layer {}: a residual connection needs equal sizes, got {} {} in and {} out",
                   number, below, takesIndices ? "indices" : "numbers", outputSize(layer));
  if (!layer.dropout)
    return;
  const cellwright_kernel &dropout = layer.dropout->kernel();
  CELLWRIGHT_CHECK(layer.dropout->format() == format && dropout.state_count == 0 &&
                       dropout.param_count == 0 && dropout.input_count == 1 &&
                       dropout.inputs[0].size == below && dropout.output_size == below &&
                       !takesIndices,
                   "layer {}: `{}` cannot drop out {} {}: a cell of one input is needed that gives "
                   "as many numbers as it takes, without states and parameters",
                   number, dropout.name, below, takesIndices ? "indices" : "numbers");
}

void Network::Work::checkSizes() const {
  int64_t below = cells.front().inputSize();
  for (size_t i = 0; i < layers.size(); ++i) {
    checkLayer(i, below);
    below = outputSize(layers[i]);
  }
}

int Network::cellCount() const { return static_cast<int>(work->cells.size()); }
Layer &Network::cell(int index) { return work->cells[index].layer; }
Format Network::format() const { return work->format; }
int64_t Network::outputSize() const { return work->outputSize(work->layers.back()); }
SeriesView Network::output() const { return work->layers.back().output; }

//===-- Memory --------------------------------------------------------------------------------===//

std::vector<TapePlan> Network::Work::planTapes(const TapeSpan &span, int64_t limit) const {
  std::vector<TapePlan> plans;
  // Bytes of the tapes that are not planned yet: whole, and at least.
  double whole = 0;
  int64_t least = 0;
  forLayers([&](const Layer &layer) {
    whole += static_cast<double>(planWholeTape(layer.tapeShape(), span).bytes);
    least += planSmallestTape(layer.tapeShape(), span).bytes;
  });
  CELLWRIGHT_CHECK(least <= limit, "{}", describeMisfit(span, limit, least));
  int64_t left = limit;
  forLayers([&](const Layer &layer) {
    auto ownWhole = static_cast<double>(planWholeTape(layer.tapeShape(), span).bytes);
    int64_t ownLeast = planSmallestTape(layer.tapeShape(), span).bytes;
    double part = whole > 0 ? ownWhole / whole : 1;
    auto share = static_cast<int64_t>(std::min(static_cast<double>(left) * part, ownWhole));
    least -= ownLeast;
    share = std::clamp(share, ownLeast, left - least);
    plans.push_back(*layer.planTape(span, share));
    left -= plans.back().bytes;
    whole -= ownWhole;
  });
  return plans;
}

std::vector<TapePlan> Network::planTapes(const TapeSpan &span, int64_t memoryLimit) const {
  return work->planTapes(span, memoryLimit);
}

int64_t Network::heldTapeBytes() const {
  int64_t bytes = 0;
  work->forLayers([&](const Layer &layer) { bytes += layer.heldTapeBytes(); });
  return bytes;
}

/// Gives each layer its own limit. A call like the last one has those already.
void Network::Work::shareLimit(const NetworkForward &arguments) {
  TapeSpan span{arguments.batch.steps, arguments.batch.sequences, arguments.resets != nullptr};
  int64_t limit = arguments.isTraining ? arguments.memoryLimit : kNoMemoryLimit;
  if (limit == plannedLimit && (span == plannedSpan || limit == kNoMemoryLimit))
    return;
  std::vector<TapePlan> plans;
  if (limit != kNoMemoryLimit)
    plans = planTapes(span, limit);
  size_t next = 0;
  auto nextLimit = [&] { return plans.empty() ? kNoMemoryLimit : plans[next++].bytes; };
  for (DirectedCell &cell : cells)
    cell.forward.memoryLimit = nextLimit();
  for (Stacked &layer : layers)
    if (layer.dropout)
      layer.dropForward.memoryLimit = nextLimit();
  plannedSpan = span;
  plannedLimit = limit;
}

//===-- Forward -------------------------------------------------------------------------------===//

void Network::Work::forwardCell(size_t index, const SeriesView &input,
                                const NetworkForward &arguments) {
  DirectedCell &cell = cells[index];
  ForwardArguments &forward = cell.forward;
  forward.batch = arguments.batch;
  SeriesView stepInput = input;
  if (cell.isReversed) {
    cell.reversedInput.resize(format, input.rows, input.columns);
    copySteps(input, batch, cell.reversedInput.view(), 0, 0, input.columns, /*isReversed=*/true,
              /*isAdded=*/false);
    stepInput = cell.reversedInput.view();
  }
  size_t given =
      index < arguments.sequenceInputs.size() ? arguments.sequenceInputs[index].size() : 0;
  size_t next = 0;
  forward.inputs.clear();
  for (int i = 0; i < cell.layer.kernel().input_count; ++i) {
    if (i == cell.input) {
      forward.inputs.push_back(stepInput);
      continue;
    }
    CELLWRIGHT_CHECK(next < given, "`{}`: input `{}` per sequence is missing",
                     cell.layer.kernel().name, cell.layer.kernel().inputs[i].name);
    forward.inputs.push_back(arguments.sequenceInputs[index][next++]);
  }
  copyEntry(arguments.initialStates, index, forward.initialStates);
  forward.resets = arguments.resets;
  forward.isContinued = arguments.isContinued;
  forward.keepsTape = arguments.isTraining;
  forward.firstStep = arguments.firstStep;
  forward.seed = arguments.seed + index;
  cell.layer.forward(forward);
}

/// The output of a layer from those of its cells: as it stands where that is possible.
void Network::Work::mergeOutputs(Stacked &layer) {
  const DirectedCell &first = cells[layer.cells[0]];
  if (layer.cells.size() == 1 && !first.isReversed && !layer.spec.isResidual) {
    layer.output = first.layer.output();
    return;
  }
  layer.merged.resize(format, batch.steps * batch.sequences, outputSize(layer));
  int64_t column = 0;
  for (size_t index : layer.cells) {
    const DirectedCell &cell = cells[index];
    bool isAdded = layer.spec.direction == Direction::BothSum && index != layer.cells[0];
    copySteps(cell.layer.output(), batch, layer.merged.view(), 0, column, cell.outputSize(),
              cell.isReversed, isAdded);
    if (layer.spec.direction == Direction::BothConcat)
      column += cell.outputSize();
  }
  if (layer.spec.isResidual)
    copySteps(layer.input, batch, layer.merged.view(), 0, 0, outputSize(layer), false,
              /*isAdded=*/true);
  layer.output = layer.merged.view();
}

void Network::Work::forwardLayer(Stacked &layer, const NetworkForward &arguments) {
  layer.isDropped = layer.dropout && arguments.isTraining;
  if (layer.isDropped) {
    ForwardArguments &drop = layer.dropForward;
    drop.batch = arguments.batch;
    drop.inputs.assign(1, layer.input);
    drop.keepsTape = true;
    drop.firstStep = arguments.firstStep;
    // Another seed than any cell's: the layer counts from the other end.
    drop.seed = ~(arguments.seed + layer.cells[0]);
    layer.dropout->forward(drop);
    layer.input = layer.dropout->output();
  }
  for (size_t cell : layer.cells)
    forwardCell(cell, layer.input, arguments);
  mergeOutputs(layer);
}

void Network::Work::checkArguments(const NetworkForward &arguments) const {
  bool isReversed = std::any_of(cells.begin(), cells.end(),
                                [](const DirectedCell &cell) { return cell.isReversed; });
  CELLWRIGHT_CHECK(!arguments.resets || !isReversed,
                   "resets have no meaning in a layer that runs from the end to the start");
  CELLWRIGHT_CHECK(!arguments.isContinued || !isReversed,
                   "a layer that runs from the end to the start cannot go on from an earlier call");
  // Layers check their arguments themselves, but what is copied on the way to them.
  int64_t rows = arguments.batch.steps * arguments.batch.sequences;
  const DirectedCell &first = cells.front();
  int64_t columns = first.takesIndices() ? 0 : first.inputSize();
  CELLWRIGHT_CHECK(arguments.input.data && arguments.input.format == format &&
                       arguments.input.rows >= rows && arguments.input.columns == columns,
                   "input of the network: expected {} rows of {} numbers, got {} of {}", rows,
                   columns, arguments.input.data ? arguments.input.rows : 0,
                   arguments.input.columns);
}

void Network::forward(const NetworkForward &arguments) {
  Work &w = *work;
  w.checkArguments(arguments);
  w.shareLimit(arguments);
  w.batch = arguments.batch;
  SeriesView below = arguments.input;
  for (Work::Stacked &layer : w.layers) {
    layer.input = below;
    w.forwardLayer(layer, arguments);
    below = layer.output;
  }
}

//===-- Backward ------------------------------------------------------------------------------===//

/// Where a cell writes the adjoints of its inputs: that of the steps, and those per sequence.
void Network::Work::collectInputAdjoints(DirectedCell &cell, size_t index,
                                         const NetworkBackward &arguments,
                                         const SeriesView &ofSteps) {
  std::vector<SeriesView> &adjoints = cell.backward.inputAdjoints;
  adjoints.assign(cell.layer.kernel().input_count, {});
  size_t next = 0;
  for (size_t i = 0; i < adjoints.size(); ++i) {
    if (static_cast<int>(i) == cell.input)
      adjoints[i] = ofSteps;
    else if (index < arguments.sequenceInputAdjoints.size() &&
             next < arguments.sequenceInputAdjoints[index].size())
      adjoints[i] = arguments.sequenceInputAdjoints[index][next++];
  }
}

SeriesView Network::Work::backwardLayer(Stacked &layer, const SeriesView &outputAdjoint,
                                        const NetworkBackward &arguments, bool wantsInput,
                                        const SeriesView &given) {
  int64_t rows = batch.steps * batch.sequences;
  int64_t inputSize = cells[layer.cells[0]].inputSize();
  // Where the adjoint of the layer's input is gathered.
  SeriesView gathered;
  if (wantsInput) {
    Series &own = layer.isDropped ? layer.masked : layer.inputAdjoint;
    own.resize(format, rows, inputSize);
    gathered = own.view();
    if (layer.spec.isResidual)
      copySteps(outputAdjoint, batch, gathered, 0, 0, inputSize, false, false);
  }
  bool isStarted = layer.spec.isResidual;
  int64_t column = 0;
  for (size_t index : layer.cells) {
    DirectedCell &cell = cells[index];
    BackwardArguments &backward = cell.backward;
    backward.outputAdjoint = outputAdjoint;
    if (layer.spec.direction == Direction::BothConcat || cell.isReversed) {
      cell.outputAdjoint.resize(format, rows, cell.outputSize());
      copySteps(outputAdjoint, batch, cell.outputAdjoint.view(), column, 0, cell.outputSize(),
                cell.isReversed, false);
      backward.outputAdjoint = cell.outputAdjoint.view();
    }
    if (layer.spec.direction == Direction::BothConcat)
      column += cell.outputSize();
    copyEntry(arguments.paramGradients, index, backward.paramGradients);
    copyEntry(arguments.finalAdjoints, index, backward.finalAdjoints);
    copyEntry(arguments.initialAdjoints, index, backward.initialAdjoints);
    bool isDirect = layer.cells.size() == 1 && !cell.isReversed && !layer.spec.isResidual;
    if (wantsInput && !isDirect)
      cell.inputAdjoint.resize(format, rows, inputSize);
    collectInputAdjoints(cell, index, arguments,
                         !wantsInput ? SeriesView()
                         : isDirect  ? gathered
                                     : cell.inputAdjoint.view());
    cell.layer.backward(backward);
    if (wantsInput && !isDirect) {
      copySteps(cell.inputAdjoint.view(), batch, gathered, 0, 0, inputSize, cell.isReversed,
                isStarted);
      isStarted = true;
    }
  }
  if (wantsInput && layer.isDropped) {
    layer.inputAdjoint.resize(format, rows, inputSize);
    BackwardArguments &drop = layer.dropBackward;
    drop.outputAdjoint = gathered;
    drop.inputAdjoints.assign(1, layer.inputAdjoint.view());
    layer.dropout->backward(drop);
    gathered = layer.inputAdjoint.view();
  }
  if (given.data)
    copySteps(gathered, batch, given, 0, 0, inputSize, false, false);
  return gathered;
}

void Network::backward(const NetworkBackward &arguments) {
  Work &w = *work;
  int64_t rows = w.batch.steps * w.batch.sequences;
  SeriesView above = arguments.outputAdjoint;
  if (!above.data) {
    w.zeros.resize(w.format, rows, outputSize());
    w.zeros.clear();
    above = w.zeros.view();
  }
  CELLWRIGHT_CHECK(above.format == w.format && above.rows >= rows && above.columns == outputSize(),
                   "adjoint of the network's output: expected {} rows of {} numbers, got {} of {}",
                   rows, outputSize(), above.rows, above.columns);
  for (size_t i = w.layers.size(); i-- > 0;) {
    bool isLowest = i == 0;
    bool wantsInput = !isLowest || arguments.inputAdjoint.data;
    above = w.backwardLayer(w.layers[i], above, arguments, wantsInput,
                            isLowest ? arguments.inputAdjoint : SeriesView());
  }
}

} // namespace cellwright
