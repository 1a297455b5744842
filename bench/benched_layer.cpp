// See benched_layer.h.
#include "bench/benched_layer.h"

#include "codegen/execute.h"

namespace cellwright {

BenchedLayer::BenchedLayer(const CompiledKernel &kernel, const SequenceInput &input, int threads)
    : kernel(kernel.kernel()), pool(threads), layer(kernel.kernel(), pool), format(layer.format()) {
  int64_t rows = input.steps * input.sequences;
  forward.batch = makeBatch(input.steps, input.sequences, input.lengths);
  readParams(input);
  inputs.resize(this->kernel.input_count);
  inputAdjoints.resize(this->kernel.input_count);
  for (int i = 0; i < this->kernel.input_count; ++i) {
    const cellwright_vector_info &info = this->kernel.inputs[i];
    int64_t count = info.per_sequence ? input.sequences : rows;
    fill(inputs[i], count, info.size, input.inputs[i]);
    inputAdjoints[i].resize(format, count, info.size);
    forward.inputs.push_back(inputs[i].view());
    backward.inputAdjoints.push_back(inputAdjoints[i].view());
  }
  int64_t outputSize = this->kernel.output_size;
  fill(outputAdjoint, rows, outputSize, Elements(rows * outputSize, 0.01));
  backward.outputAdjoint = outputAdjoint.view();
  for (int s = 0; s < this->kernel.state_count; ++s) {
    initialAdjoints.emplace_back(input.sequences * this->kernel.states[s].size *
                                 format.elementBytes());
    backward.initialAdjoints.push_back(initialAdjoints.back().data());
  }
}

void BenchedLayer::run(Pass pass) {
  forward.keepsTape = pass != Pass::Forward;
  TapeSpan span{forward.batch.steps, forward.batch.sequences, false};
  forward.memoryLimit = pass == Pass::BothLimited
                            ? planWholeTape(layer.tapeShape(), span).bytes / 10
                            : kNoMemoryLimit;
  layer.forward(forward);
  if (pass == Pass::Both || pass == Pass::BothLimited)
    layer.backward(backward);
}

std::vector<PhaseRow> BenchedLayer::measurePhases(Pass pass) {
  constexpr int kRuns = 10;
  std::vector<PhaseRow> rows(kernel.phase_count);
  for (int turn = 0; turn < kRuns; ++turn) {
    std::vector<PhaseTime> times;
    layer.measurePhases(&times);
    run(pass);
    layer.measurePhases(nullptr);
    for (int i = 0; i < kernel.phase_count; ++i) {
      bool isBetter = turn == 0 || times[i].seconds < rows[i].seconds;
      rows[i] = {kernel.phases[i].name, times[i].calls,
                 isBetter ? times[i].seconds : rows[i].seconds};
    }
  }
  return rows;
}

Elements BenchedLayer::output() const {
  SeriesView view = layer.output();
  std::vector<std::byte> bytes(view.rows * view.columns * format.elementBytes());
  writeSteps(view, forward.batch, bytes.data());
  return toElements(bytes, format);
}

void BenchedLayer::fill(Series &series, int64_t rows, int64_t columns, const Elements &elements) {
  series.resize(format, rows, columns);
  readSequences(toBytes(elements, format).data(), Batch{1, rows, {}, {}}, series.view());
}

void BenchedLayer::readParams(const SequenceInput &input) {
  std::vector<const void *> pointers;
  for (const Elements &param : input.params)
    params.push_back(toBytes(param, format));
  for (size_t i = 0; i < params.size(); ++i) {
    pointers.push_back(params[i].data());
    gradients.emplace_back(params[i].size());
    backward.paramGradients.push_back(kernel.params[i].is_frozen ? nullptr
                                                                 : gradients.back().data());
  }
  layer.setParams(pointers);
}

} // namespace cellwright
