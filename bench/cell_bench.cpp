// See cell_bench.h.
#include "bench/cell_bench.h"

#include "codegen/gradcheck.h"
#include "codegen/plan.h"
#include "runtime/layer.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace cellwright {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Timing measure(const std::function<void()> &work, double seconds) {
  work();
  std::vector<double> times;
  for (auto start = Clock::now(); times.size() < 5 || secondsSince(start) < seconds;) {
    auto begin = Clock::now();
    work();
    times.push_back(secondsSince(begin));
  }
  std::sort(times.begin(), times.end());
  auto at = [&](double part) {
    return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))];
  };
  return {at(0.5), times.front(), (at(0.9) - at(0.1)) / at(0.5), static_cast<int>(times.size())};
}

/// The arguments of a layer's calls, with their memory.
class BenchedLayer {
public:
  BenchedLayer(const CompiledKernel &kernel, const SequenceInput &input, int threads)
      : kernel(kernel.kernel()), pool(threads), layer(kernel.kernel(), pool),
        format(layer.format()) {
    int64_t rows = input.steps * input.sequences;
    forward.batch = makeBatch(input.steps, input.sequences, {});
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
    outputAdjoint.resize(format, rows, this->kernel.output_size);
    fill(outputAdjoint, rows, this->kernel.output_size,
         Elements(rows * this->kernel.output_size, 0.01));
    backward.outputAdjoint = outputAdjoint.view();
    for (int s = 0; s < this->kernel.state_count; ++s) {
      initialAdjoints.emplace_back(input.sequences * this->kernel.states[s].size *
                                   format.elementBytes());
      backward.initialAdjoints.push_back(initialAdjoints.back().data());
    }
  }

  void runForward(bool keepsTape) {
    forward.keepsTape = keepsTape;
    layer.forward(forward);
  }
  void runBoth() {
    runForward(true);
    layer.backward(backward);
  }
  int64_t tapeBytes() const { return layer.tapeBytes(); }

private:
  std::vector<std::byte> toBytes(const Elements &elements) const {
    std::vector<std::byte> bytes(elements.size() * format.elementBytes());
    if (format.type == CELLWRIGHT_F64)
      std::copy(elements.begin(), elements.end(), reinterpret_cast<double *>(bytes.data()));
    else
      std::transform(elements.begin(), elements.end(), reinterpret_cast<float *>(bytes.data()),
                     [](double x) { return static_cast<float>(x); });
    return bytes;
  }

  void fill(Series &series, int64_t rows, int64_t columns, const Elements &elements) {
    series.resize(format, rows, columns);
    readSequences(toBytes(elements).data(), Batch{1, rows, {}, {}}, series.view());
  }

  void readParams(const SequenceInput &input) {
    std::vector<const void *> pointers;
    for (const Elements &param : input.params)
      params.push_back(toBytes(param));
    for (size_t i = 0; i < params.size(); ++i) {
      pointers.push_back(params[i].data());
      gradients.emplace_back(params[i].size());
      backward.paramGradients.push_back(kernel.params[i].is_frozen ? nullptr
                                                                   : gradients.back().data());
    }
    layer.setParams(pointers);
  }

  const cellwright_kernel &kernel;
  ThreadPool pool;
  Layer layer;
  Format format;
  ForwardArguments forward;
  BackwardArguments backward;
  std::vector<std::vector<std::byte>> params, gradients, initialAdjoints;
  std::vector<Series> inputs, inputAdjoints;
  Series outputAdjoint;
};

} // namespace

CellBenchResult benchCell(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                          const CellBenchOptions &options) {
  CellBenchResult result;
  auto start = Clock::now();
  CompiledKernel kernel = compileCell(cell, bound, compile);
  result.compileSeconds = secondsSince(start);
  GradcheckOptions numbers;
  numbers.steps = options.steps;
  numbers.sequences = options.sequences;
  BenchedLayer layer(kernel, makeRandomInput(cell, bound, numbers, compile.isDouble),
                     options.threads);
  result.forward = measure([&] { layer.runForward(false); }, options.seconds / 4);
  result.forwardTape = measure([&] { layer.runForward(true); }, options.seconds / 4);
  result.both = measure([&] { layer.runBoth(); }, options.seconds / 2);
  StepFlops flops = countFlops(cell, bound);
  double rows = static_cast<double>(options.steps * options.sequences);
  result.flopsForward = flops.forward * rows;
  result.flopsBackward = flops.backward * rows;
  result.tapeBytes = layer.tapeBytes();
  return result;
}

} // namespace cellwright
