// See execute.h.
#include "codegen/execute.h"

#include "runtime/layer.h"

#include <algorithm>

namespace cellwright {

std::vector<std::byte> toBytes(const Elements &elements, Format format) {
  std::vector<std::byte> bytes(elements.size() * format.elementBytes());
  if (format.type == CELLWRIGHT_F64)
    std::copy(elements.begin(), elements.end(), reinterpret_cast<double *>(bytes.data()));
  else
    std::transform(elements.begin(), elements.end(), reinterpret_cast<float *>(bytes.data()),
                   [](double x) { return static_cast<float>(x); });
  return bytes;
}

Elements toElements(const std::vector<std::byte> &bytes, Format format) {
  Elements elements(bytes.size() / format.elementBytes());
  if (format.type == CELLWRIGHT_F64)
    std::copy_n(reinterpret_cast<const double *>(bytes.data()), elements.size(), elements.begin());
  else
    std::copy_n(reinterpret_cast<const float *>(bytes.data()), elements.size(), elements.begin());
  return elements;
}

namespace {

std::vector<std::byte> makeBytes(int64_t elements, Format format) {
  return std::vector<std::byte>(elements * format.elementBytes());
}

class Execution {
public:
  Execution(const CompiledKernel &compiled, const SequenceInput &input, int threads)
      : kernel(compiled.kernel()), input(input), pool(threads), layer(kernel, pool),
        format(layer.format()), batch(makeBatch(input.steps, input.sequences, input.lengths)),
        rows(input.steps * input.sequences) {}

  SequenceResult forward(bool keepsTape) {
    for (const Elements &param : input.params)
      params.push_back(toBytes(param, format));
    std::vector<const void *> pointers;
    for (const auto &param : params)
      pointers.push_back(param.data());
    layer.setParams(pointers);

    ForwardArguments arguments;
    arguments.batch = batch;
    arguments.keepsTape = keepsTape;
    inputs.resize(kernel.input_count);
    indices.resize(kernel.input_count);
    for (int i = 0; i < kernel.input_count; ++i)
      arguments.inputs.push_back(kernel.inputs[i].is_index ? readIndices(i) : readInput(i));
    std::vector<std::vector<std::byte>> states;
    for (const Elements &state : input.firstStates)
      states.push_back(toBytes(state, format));
    for (const auto &state : states)
      arguments.initialStates.push_back(state.data());
    std::vector<uint8_t> resets(input.resets.begin(), input.resets.end());
    arguments.resets = resets.empty() ? nullptr : resets.data();
    arguments.seed = input.seed.value_or(0);
    layer.forward(arguments);
    return results();
  }

  Gradients backward(const GivenAdjoints &given) {
    BackwardArguments arguments;
    Series output;
    arguments.outputAdjoint = readAdjoint(given.output, kernel.output_size, output);
    std::vector<Series> states(kernel.state_count);
    std::vector<std::vector<std::byte>> finals(kernel.state_count);
    Gradients gradients;
    std::vector<std::vector<std::byte>> firstStates, paramGradients;
    for (int s = 0; s < kernel.state_count; ++s) {
      int64_t size = kernel.states[s].size;
      arguments.stateAdjoints.push_back(readAdjoint(entry(given.states, s), size, states[s]));
      finals[s] = toBytes(entry(given.finals, s), format);
      arguments.finalAdjoints.push_back(finals[s].empty() ? nullptr : finals[s].data());
      firstStates.push_back(makeBytes(input.sequences * size, format));
      arguments.initialAdjoints.push_back(firstStates.back().data());
    }
    for (int p = 0; p < kernel.param_count; ++p) {
      const cellwright_param_info &info = kernel.params[p];
      paramGradients.push_back(
          makeBytes(info.is_frozen ? 0 : int64_t{info.rows} * info.columns, format));
      arguments.paramGradients.push_back(info.is_frozen ? nullptr : paramGradients.back().data());
    }
    std::vector<Series> inputAdjoints(kernel.input_count);
    for (int i = 0; i < kernel.input_count; ++i) {
      if (kernel.inputs[i].is_index) {
        arguments.inputAdjoints.emplace_back();
        continue;
      }
      inputAdjoints[i].resize(format, kernel.inputs[i].per_sequence ? input.sequences : rows,
                              kernel.inputs[i].size);
      arguments.inputAdjoints.push_back(inputAdjoints[i].view());
    }
    layer.backward(arguments);
    for (int i = 0; i < kernel.input_count; ++i)
      gradients.inputs.push_back(kernel.inputs[i].is_index ? Elements()
                                                           : write(inputAdjoints[i].view(),
                                                                   kernel.inputs[i].per_sequence));
    for (const auto &bytes : firstStates)
      gradients.firstStates.push_back(toElements(bytes, format));
    for (const auto &bytes : paramGradients)
      gradients.params.push_back(toElements(bytes, format));
    return gradients;
  }

private:
  static Elements entry(const std::vector<Elements> &list, size_t i) {
    return i < list.size() ? list[i] : Elements();
  }

  SeriesView readInput(int i) {
    const cellwright_vector_info &info = kernel.inputs[i];
    std::vector<std::byte> bytes = toBytes(input.inputs[i], format);
    inputs[i].resize(format, info.per_sequence ? input.sequences : rows, info.size);
    if (info.per_sequence)
      readSequences(bytes.data(), batch, inputs[i].view());
    else
      readSteps(bytes.data(), batch, inputs[i].view());
    return inputs[i].view();
  }

  /// The numbers of the ones in rows that have a single one each, in the batch's order.
  SeriesView readIndices(int i) {
    const cellwright_vector_info &info = kernel.inputs[i];
    int64_t N = input.sequences;
    int64_t count = info.per_sequence ? N : rows;
    indices[i].resize(count);
    for (int64_t row = 0; row < count; ++row) {
      auto begin = input.inputs[i].begin() + (row / N * N + batch.caller(row % N)) * info.size;
      auto one = std::find(begin, begin + info.size, 1.0);
      // Rows beyond a sequence's end are not read.
      indices[i][row] = one == begin + info.size ? 0 : static_cast<int32_t>(one - begin);
    }
    return {indices[i].data(), 0, count, 0, format};
  }

  SeriesView readAdjoint(const Elements &elements, int64_t columns, Series &series) {
    if (elements.empty())
      return {};
    series.resize(format, rows, columns);
    readSteps(toBytes(elements, format).data(), batch, series.view());
    return series.view();
  }

  Elements write(const SeriesView &series, bool isPerSequence) {
    std::vector<std::byte> bytes =
        makeBytes((isPerSequence ? input.sequences : rows) * series.columns, format);
    if (isPerSequence)
      writeSequences(series, batch, bytes.data());
    else
      writeSteps(series, batch, bytes.data());
    return toElements(bytes, format);
  }

  SequenceResult results() {
    SequenceResult result;
    result.output = write(layer.output(), false);
    for (int s = 0; s < kernel.state_count; ++s) {
      result.states.push_back(write(layer.state(s), false));
      std::vector<std::byte> final = makeBytes(input.sequences * kernel.states[s].size, format);
      layer.finalState(s, final.data());
      result.finalStates.push_back(toElements(final, format));
    }
    return result;
  }

  const cellwright_kernel &kernel;
  const SequenceInput &input;
  ThreadPool pool;
  Layer layer;
  Format format;
  Batch batch;
  int64_t rows;
  std::vector<std::vector<std::byte>> params;
  std::vector<Series> inputs;
  std::vector<std::vector<int32_t>> indices; // of inputs that are given so
};

} // namespace

ExecutionResult executeCell(const CompiledKernel &kernel, const SequenceInput &input,
                            const GivenAdjoints *adjoints, int threads) {
  Execution execution(kernel, input, threads);
  ExecutionResult result;
  result.forward = execution.forward(adjoints != nullptr);
  if (adjoints)
    result.gradients = execution.backward(*adjoints);
  return result;
}

} // namespace cellwright
