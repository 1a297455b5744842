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

  Layer layer;
  int input;
  bool isReversed;
  Series reversedInput, outputAdjoint, inputAdjoint;
};

/// The first of a list's entries for a cell, or an empty one: lists may be left out.
template <typename List> List entryOf(const std::vector<List> &lists, size_t cell) {
  return cell < lists.size() ? lists[cell] : List();
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
  };

  void checkSizes() const;
  int64_t outputSize(const Stacked &layer) const;
  void forwardLayer(Stacked &layer, const NetworkForward &arguments);
  void forwardCell(size_t index, const SeriesView &input, const NetworkForward &arguments);
  void mergeOutputs(Stacked &layer);
  SeriesView backwardLayer(Stacked &layer, const SeriesView &outputAdjoint,
                           const NetworkBackward &arguments, bool wantsInput,
                           const SeriesView &given);

  Batch batch;
  Format format;
  std::vector<DirectedCell> cells;
  std::vector<Stacked> layers;
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
    if (spec.dropout) {
      layer.dropout = std::make_unique<Layer>(*spec.dropout, threads);
      layer.dropout->setParams({});
    }
    work->layers.push_back(std::move(layer));
  }
  work->format = work->cells.front().layer.format();
  work->checkSizes();
}

Network::~Network() = default;

int64_t Network::Work::outputSize(const Stacked &layer) const {
  int64_t first = cells[layer.cells[0]].outputSize();
  return layer.spec.direction == Direction::BothConcat ? first + cells[layer.cells[1]].outputSize()
                                                       : first;
}

void Network::Work::checkSizes() const {
  int64_t below = cells.front().inputSize();
  for (size_t i = 0; i < layers.size(); ++i) {
    const Stacked &layer = layers[i];
    for (size_t cell : layer.cells) {
      const cellwright_kernel &kernel = cells[cell].layer.kernel();
      CELLWRIGHT_CHECK(cells[cell].layer.format() == format,
                       "layer {}: `{}` was compiled for another element type or target", i,
                       kernel.name);
      CELLWRIGHT_CHECK(cells[cell].inputSize() == below,
                       "layer {}: `{}` takes {} numbers, the layer below gives {}", i, kernel.name,
                       cells[cell].inputSize(), below);
      CELLWRIGHT_CHECK(layer.spec.direction != Direction::BothSum ||
                           cells[cell].outputSize() == cells[layer.cells[0]].outputSize(),
                       "layer {}: the sum of both directions needs equal sizes, got {} and {}", i,
                       cells[layer.cells[0]].outputSize(), cells[cell].outputSize());
    }
    CELLWRIGHT_CHECK(!layer.spec.isResidual || outputSize(layer) == below,
                     "layer {}: a residual connection needs equal sizes, got {} in and {} out", i,
                     below, outputSize(layer));
    below = outputSize(layer);
  }
}

int Network::cellCount() const { return static_cast<int>(work->cells.size()); }
Layer &Network::cell(int index) { return work->cells[index].layer; }
Format Network::format() const { return work->format; }
int64_t Network::outputSize() const { return work->outputSize(work->layers.back()); }
SeriesView Network::output() const { return work->layers.back().output; }

//===-- Forward -------------------------------------------------------------------------------===//

void Network::Work::forwardCell(size_t index, const SeriesView &input,
                                const NetworkForward &arguments) {
  DirectedCell &cell = cells[index];
  ForwardArguments forward;
  forward.batch = arguments.batch;
  SeriesView stepInput = input;
  if (cell.isReversed) {
    cell.reversedInput.resize(format, input.rows, input.columns);
    copySteps(input, batch, cell.reversedInput.view(), 0, 0, input.columns, /*isReversed=*/true,
              /*isAdded=*/false);
    stepInput = cell.reversedInput.view();
  }
  std::vector<SeriesView> perSequence = entryOf(arguments.sequenceInputs, index);
  size_t next = 0;
  for (int i = 0; i < cell.layer.kernel().input_count; ++i) {
    if (i == cell.input) {
      forward.inputs.push_back(stepInput);
      continue;
    }
    CELLWRIGHT_CHECK(next < perSequence.size(), "`{}`: input `{}` per sequence is missing",
                     cell.layer.kernel().name, cell.layer.kernel().inputs[i].name);
    forward.inputs.push_back(perSequence[next++]);
  }
  forward.initialStates = entryOf(arguments.initialStates, index);
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
    ForwardArguments drop;
    drop.batch = arguments.batch;
    drop.inputs = {layer.input};
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

void Network::forward(const NetworkForward &arguments) {
  Work &w = *work;
  w.batch = arguments.batch;
  CELLWRIGHT_CHECK(!arguments.resets ||
                       std::none_of(w.cells.begin(), w.cells.end(),
                                    [](const DirectedCell &cell) { return cell.isReversed; }),
                   "resets have no meaning in a layer that runs from the end to the start");
  SeriesView below = arguments.input;
  for (Work::Stacked &layer : w.layers) {
    layer.input = below;
    w.forwardLayer(layer, arguments);
    below = layer.output;
  }
}

//===-- Backward ------------------------------------------------------------------------------===//

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
    BackwardArguments backward;
    backward.outputAdjoint = outputAdjoint;
    if (layer.spec.direction == Direction::BothConcat || cell.isReversed) {
      cell.outputAdjoint.resize(format, rows, cell.outputSize());
      copySteps(outputAdjoint, batch, cell.outputAdjoint.view(), column, 0, cell.outputSize(),
                cell.isReversed, false);
      backward.outputAdjoint = cell.outputAdjoint.view();
    }
    if (layer.spec.direction == Direction::BothConcat)
      column += cell.outputSize();
    backward.paramGradients = entryOf(arguments.paramGradients, index);
    backward.finalAdjoints = entryOf(arguments.finalAdjoints, index);
    backward.initialAdjoints = entryOf(arguments.initialAdjoints, index);
    bool isDirect = layer.cells.size() == 1 && !cell.isReversed && !layer.spec.isResidual;
    backward.inputAdjoints.resize(cell.layer.kernel().input_count);
    if (wantsInput) {
      if (!isDirect)
        cell.inputAdjoint.resize(format, rows, inputSize);
      backward.inputAdjoints[cell.input] = isDirect ? gathered : cell.inputAdjoint.view();
    }
    cell.layer.backward(backward);
    if (wantsInput && !isDirect) {
      copySteps(cell.inputAdjoint.view(), batch, gathered, 0, 0, inputSize, cell.isReversed,
                isStarted);
      isStarted = true;
    }
  }
  if (wantsInput && layer.isDropped) {
    layer.inputAdjoint.resize(format, rows, inputSize);
    BackwardArguments drop;
    drop.outputAdjoint = gathered;
    drop.inputAdjoints = {layer.inputAdjoint.view()};
    layer.dropout->backward(drop);
    gathered = layer.inputAdjoint.view();
  }
  if (given.data)
    copySteps(gathered, batch, given, 0, 0, inputSize, false, false);
  return gathered;
}

void Network::backward(const NetworkBackward &arguments) {
  Work &w = *work;
  SeriesView above = arguments.outputAdjoint;
  for (size_t i = w.layers.size(); i-- > 0;) {
    bool isLowest = i == 0;
    bool wantsInput = !isLowest || arguments.inputAdjoint.data;
    above = w.backwardLayer(w.layers[i], above, arguments, wantsInput,
                            isLowest ? arguments.inputAdjoint : SeriesView());
  }
}

} // namespace cellwright
