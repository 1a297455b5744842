// The kernel of leaky.cell by its own C functions and by the runtime's layer: the same bits. Prints
// the last output and a gradient.
#include "runtime/layer.h" // before the next one, which then has leaky_kernel

#include "leaky.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace cellwright;

namespace {

constexpr int64_t T = 7, N = 4;

struct Results {
  std::vector<float> out = std::vector<float>(T * N * leaky_H);
  leaky_params gradients = {};
};

std::vector<float> makeNumbers(size_t count, float step) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = std::sin(step * static_cast<float>(i + 1));
  return numbers;
}

Results runFunctions(const leaky_params &params, const float *x, const float *dout) {
  Results results;
  std::vector<unsigned char> memory(leaky_memory(T, N));
  leaky_call call = {};
  call.steps = T;
  call.sequences = N;
  call.x = x;
  call.out = results.out.data();
  leaky_forward(&params, &call, memory.data());
  leaky_adjoints adjoints = {};
  adjoints.dout = dout;
  adjoints.dparams = &results.gradients;
  leaky_backward(&params, &call, &adjoints, memory.data());
  return results;
}

Results runLayer(const leaky_params &params, const float *x, const float *dout) {
  Results results;
  ThreadPool pool(2);
  Layer layer(*leaky_kernel(), pool);
  const void *values[] = {params.W_z_x, params.W_z_h, params.b_z, params.W_n_x, params.b_n};
  layer.setParams(values);
  Batch batch = makeBatch(T, N, {});
  Series inputs, adjoints;
  inputs.resize(layer.format(), T * N, leaky_I);
  readSteps(x, batch, inputs.view());
  ForwardArguments forward;
  forward.batch = batch;
  forward.inputs = {inputs.view()};
  forward.keepsTape = true;
  layer.forward(forward);
  writeSteps(layer.output(), batch, results.out.data());
  adjoints.resize(layer.format(), T * N, leaky_H);
  readSteps(dout, batch, adjoints.view());
  leaky_params &d = results.gradients;
  BackwardArguments backward;
  backward.outputAdjoint = adjoints.view();
  backward.paramGradients = {d.W_z_x, d.W_z_h, d.b_z, d.W_n_x, d.b_n};
  layer.backward(backward);
  return results;
}

} // namespace

int main() {
  leaky_params params;
  std::vector<float> weights = makeNumbers(sizeof params / sizeof(float), 0.7f);
  std::memcpy(&params, weights.data(), sizeof params);
  std::vector<float> x = makeNumbers(T * N * leaky_I, 0.3f);
  std::vector<float> dout = makeNumbers(T * N * leaky_H, 0.9f);
  Results functions = runFunctions(params, x.data(), dout.data());
  Results layer = runLayer(params, x.data(), dout.data());
  bool isSame = functions.out == layer.out &&
                std::memcmp(&functions.gradients, &layer.gradients, sizeof params) == 0;
  std::printf("%s %.4f %.4f\n", isSame ? "same" : "different", functions.out.back(),
              functions.gradients.b_n[0]);
  return isSame ? 0 : 1;
}
