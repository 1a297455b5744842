// leaky.cell compiled by this program, from a literal and from the file that it is given, and ahead
// of time: the same bits. Prints the last output.
#include "leaky.h"

#include <cellwright/cell.h>
#include <cellwright/compile.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

constexpr int64_t T = 7, N = 4;

constexpr auto kLeaky = cellwright::cell<R"(cell leaky {
  input x[I]
  state h[H]
  z = sigmoid(linear(x, h))
  n = tanh(linear(x))
  h' = z * h + (1 - z) * n
})">();
static_assert(kLeaky.param<"W_z_h">().elements({.H = leaky_H, .I = leaky_I}) == leaky_H * leaky_H);

using Numbers = std::vector<float>;

Numbers makeNumbers(size_t count, float step) {
  Numbers numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = std::sin(step * static_cast<float>(i + 1));
  return numbers;
}

Numbers runAheadOfTime(const leaky_params &params, const Numbers &x) {
  Numbers out(T * N * leaky_H);
  std::vector<unsigned char> memory(leaky_memory(T, N));
  leaky_call call = {};
  call.steps = T;
  call.sequences = N;
  call.x = x.data();
  call.out = out.data();
  leaky_forward(&params, &call, memory.data());
  return out;
}

template <class Cell>
Numbers runCompiled(const Cell &cell, const leaky_params &params, const Numbers &x) {
  auto layer = cellwright::compile(cell, {.H = leaky_H, .I = leaky_I},
                                   {.purpose = cellwright::Purpose::Inference});
  layer.setParam("W_z_x", {&params.W_z_x[0][0], leaky_H * leaky_I});
  layer.setParam("W_z_h", {&params.W_z_h[0][0], leaky_H * leaky_H});
  layer.setParam("b_z", params.b_z);
  layer.setParam("W_n_x", {&params.W_n_x[0][0], leaky_H * leaky_I});
  layer.setParam("b_n", params.b_n);
  auto out = layer.forward({.steps = T, .sequences = N, .inputs = {x}, .keepsTape = false});
  return Numbers(out.begin(), out.end());
}

} // namespace

int main(int, char **arguments) {
  leaky_params params;
  Numbers weights = makeNumbers(sizeof params / sizeof(float), 0.7f);
  std::memcpy(&params, weights.data(), sizeof params);
  Numbers x = makeNumbers(T * N * leaky_I, 0.3f);
  Numbers out = runAheadOfTime(params, x);
  bool isSame = out == runCompiled(kLeaky, params, x) &&
                out == runCompiled(cellwright::loadFile(arguments[1]), params, x);
  std::printf("%s %.4f\n", isSame ? "same" : "different", out.back());
  return isSame ? 0 : 1;
}
