// A recurrent cell in a string literal, checked while this file is compiled, learns to write like a
// text: to guess each character from those before it, by Adam (Kingma & Ba 2015).
#include <cellwright/cell.h>
#include <cellwright/compile.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

constexpr auto my_cell = cellwright::cell<R"(
  cell my {
    input  x[I]               # a character, one of I
    state  h[H]
    z  = sigmoid(linear(x, h))
    n  = tanh(linear(x, z * h))
    h' = z * h + (1 - z) * n
    output y[I] = linear(h')  # a score for each character that may follow
    init b_z = 1
  }
)">();
static_assert(my_cell.states().size() == 1 && my_cell.warnings().empty());
static_assert(my_cell.param<"W_y_h">().elements({.H = 128, .I = 65}) == 65 * 128);

/// The mean cross entropy of scores, and in `dy` its derivative: softmax, less 1 at what followed.
double crossEntropy(std::span<const float> y, const std::vector<int> &next,
                    std::vector<float> &dy) {
  double loss = 0;
  const size_t rows = next.size(), I = y.size() / rows;
  dy.resize(y.size());
  for (size_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (size_t i = 0; i < I; ++i)
      sum += std::exp(y[row * I + i]);
    for (size_t i = 0; i < I; ++i)
      dy[row * I + i] = float(std::exp(y[row * I + i]) / sum / rows);
    dy[row * I + next[row]] -= 1.0f / rows;
    loss += (std::log(sum) - y[row * I + next[row]]) / rows;
  }
  return loss;
}

int main(int argc, char **argv) try {
  std::ifstream file(argc > 1 ? argv[1] : "");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const int updates = argc > 2 ? std::atoi(argv[2]) : 300, N = 32, T = 32;
  if (text.size() < N * T + 1) {
    std::fprintf(stderr, "usage: %s TEXT [UPDATES]; the text has at least 1 KB\n", argv[0]);
    return 2;
  }
  std::string letters;
  for (char c : text)
    if (letters.find(c) == letters.npos)
      letters += c;

  auto layer = cellwright::compile(my_cell, {.H = 128, .I = int64_t(letters.size())},
                                   {.indexInputs = {"x"}});
  layer.initialize(1);
  std::vector<float> dy, mean, square;
  std::vector<int> x(T * N), next(T * N);
  for (int update = 1; update <= updates; ++update) {
    for (int i = 0; i < T * N; ++i) { // N parts of the text, T characters further each time
      size_t place = text.size() / N * (i % N) + (update - 1) * T + i / N;
      x[i] = int(letters.find(text[place % (text.size() - 1)]));
      next[i] = int(letters.find(text[place % (text.size() - 1) + 1]));
    }
    auto y = layer.forward({.steps = T, .sequences = N, .inputs = {x}, .isContinued = update > 1});
    double loss = crossEntropy(y, next, dy);
    layer.backward({.output = dy});
    layer.update([&](std::span<float> params, std::span<const float> gradients) {
      mean.resize(params.size());
      square.resize(params.size());
      float rate = 0.005f * std::sqrt(1 - std::pow(0.999f, update)) / (1 - std::pow(0.9f, update));
      for (size_t i = 0; i < params.size(); ++i) {
        mean[i] += 0.1f * (gradients[i] - mean[i]);
        square[i] += 0.001f * (gradients[i] * gradients[i] - square[i]);
        params[i] -= rate * mean[i] / (std::sqrt(square[i]) + 1e-8f);
      }
    });
    if (update % 50 == 0 || update == 1)
      std::printf("update %4d: %.3f nats per character\n", update, loss);
  }
} catch (const cellwright::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
