// See layer_run.h.
#include "layer_run.h"

#include <algorithm>

namespace cellwright {

std::vector<const void *> pointersTo(const std::vector<std::vector<std::byte>> &list) {
  std::vector<const void *> pointers;
  for (const auto &bytes : list)
    pointers.push_back(bytes.data());
  return pointers;
}

SequenceInput stepsOf(const SequenceInput &whole, int64_t begin, int64_t end) {
  SequenceInput part = whole;
  part.steps = end - begin;
  int64_t N = whole.sequences;
  for (size_t i = 0; i < part.inputs.size(); ++i) {
    // Inputs per sequence have rows of one step.
    auto rowsOfStep = static_cast<int64_t>(whole.inputs[i].size()) / whole.steps;
    bool isPerSequence = rowsOfStep * whole.steps != static_cast<int64_t>(whole.inputs[i].size());
    if (!isPerSequence)
      part.inputs[i].assign(whole.inputs[i].begin() + begin * rowsOfStep,
                            whole.inputs[i].begin() + end * rowsOfStep);
  }
  for (int64_t &length : part.lengths)
    length = std::clamp<int64_t>(length - begin, 0, part.steps);
  if (!whole.resets.empty())
    part.resets.assign(whole.resets.begin() + begin * N, whole.resets.begin() + end * N);
  return part;
}

LayerRun::LayerRun(const CompiledKernel &compiled, const std::vector<Elements> &elements,
                   int threads)
    : kernel(compiled.kernel()), pool(threads), layer(kernel, pool), format(layer.format()),
      inputs(kernel.input_count), inputAdjoints(kernel.input_count),
      stateAdjoints(kernel.state_count) {
  for (const Elements &param : elements)
    params.push_back(toBytes(param, format));
  layer.setParams(pointersTo(params));
}

Elements LayerRun::write(const SeriesView &series, bool isPerSequence) const {
  int64_t rows = batch.sequences * (isPerSequence ? 1 : batch.steps);
  std::vector<std::byte> bytes(rows * series.columns * format.elementBytes());
  if (isPerSequence)
    writeSequences(series, batch, bytes.data());
  else
    writeSteps(series, batch, bytes.data());
  return toElements(bytes, format);
}

SequenceResult LayerRun::forward(const SequenceInput &input, bool isContinued, int64_t firstStep) {
  batch = makeBatch(input.steps, input.sequences, input.lengths);
  forwardArguments = {};
  forwardArguments.batch = batch;
  forwardArguments.isContinued = isContinued;
  forwardArguments.keepsTape = kernel.has_backward != 0;
  forwardArguments.memoryLimit = memoryLimit;
  forwardArguments.firstStep = static_cast<uint32_t>(firstStep);
  forwardArguments.seed = input.seed.value_or(0);
  for (int i = 0; i < kernel.input_count; ++i) {
    const cellwright_vector_info &info = kernel.inputs[i];
    inputs[i].resize(format, input.sequences * (info.per_sequence ? 1 : input.steps), info.size);
    std::vector<std::byte> bytes = toBytes(input.inputs[i], format);
    if (info.per_sequence)
      readSequences(bytes.data(), batch, inputs[i].view());
    else
      readSteps(bytes.data(), batch, inputs[i].view());
    forwardArguments.inputs.push_back(inputs[i].view());
  }
  firstStates.clear();
  for (const Elements &state : input.firstStates)
    firstStates.push_back(toBytes(state, format));
  forwardArguments.initialStates = pointersTo(firstStates);
  resets.assign(input.resets.begin(), input.resets.end());
  forwardArguments.resets = resets.empty() ? nullptr : resets.data();
  layer.forward(forwardArguments);
  SequenceResult result;
  result.output = write(layer.output(), false);
  for (int s = 0; s < kernel.state_count; ++s) {
    if (memoryLimit == kNoMemoryLimit)
      result.states.push_back(write(layer.state(s), false));
    std::vector<std::byte> state(input.sequences * kernel.states[s].size * format.elementBytes());
    layer.finalState(s, state.data());
    result.finalStates.push_back(toElements(state, format));
  }
  return result;
}

Gradients LayerRun::backward(const GivenAdjoints &adjoints) {
  backwardArguments = {};
  finals.clear();
  initialAdjoints.clear();
  paramGradients.clear();
  int64_t rows = batch.steps * batch.sequences;
  auto read = [&](const Elements &elements, int64_t columns, Series &series) {
    series.resize(format, rows, columns);
    readSteps(toBytes(elements, format).data(), batch, series.view());
    return series.view();
  };
  backwardArguments.outputAdjoint = read(adjoints.output, kernel.output_size, outputAdjoint);
  for (int s = 0; s < kernel.state_count; ++s) {
    backwardArguments.stateAdjoints.push_back(
        read(adjoints.states[s], kernel.states[s].size, stateAdjoints[s]));
    finals.push_back(toBytes(adjoints.finals[s], format));
    initialAdjoints.emplace_back(finals.back().size());
  }
  for (int p = 0; p < kernel.param_count; ++p) {
    const cellwright_param_info &info = kernel.params[p];
    paramGradients.emplace_back(
        info.is_frozen ? 0 : int64_t{info.rows} * info.columns * format.elementBytes());
    backwardArguments.paramGradients.push_back(info.is_frozen ? nullptr
                                                              : paramGradients.back().data());
  }
  for (int i = 0; i < kernel.input_count; ++i) {
    const cellwright_vector_info &info = kernel.inputs[i];
    inputAdjoints[i].resize(format, info.per_sequence ? batch.sequences : rows, info.size);
    backwardArguments.inputAdjoints.push_back(inputAdjoints[i].view());
  }
  for (int s = 0; s < kernel.state_count; ++s) {
    backwardArguments.finalAdjoints.push_back(finals[s].data());
    backwardArguments.initialAdjoints.push_back(initialAdjoints[s].data());
  }
  layer.backward(backwardArguments);
  Gradients gradients;
  for (int i = 0; i < kernel.input_count; ++i)
    gradients.inputs.push_back(write(inputAdjoints[i].view(), kernel.inputs[i].per_sequence));
  for (const auto &bytes : initialAdjoints)
    gradients.firstStates.push_back(toElements(bytes, format));
  for (const auto &bytes : paramGradients)
    gradients.params.push_back(toElements(bytes, format));
  return gradients;
}

void LayerRun::again() {
  layer.forward(forwardArguments);
  layer.backward(backwardArguments);
}

} // namespace cellwright
