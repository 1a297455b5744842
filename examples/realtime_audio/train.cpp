// Makes amp.safetensors: the cell learns what the circuit of circuit.h does to a guitar, by
// truncated backpropagation through time and Adam (Kingma & Ba 2015). Takes some 20 s.
#include "circuit.h"

#include <cellwright/compile.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

constexpr int64_t T = 512, N = 32; // steps of an update, sequences
constexpr int kUpdates = 6000;

constexpr cellwright::NamedSize kSizes[] = {{"H", 16}};

/// The safetensors format: the length of a JSON header in 8 bytes, the header, the numbers.
void writeParams(const std::string &path, const cellwright::CompiledCell<float> &amp) {
  std::string header, numbers;
  for (const auto &param : amp.cell().params()) {
    auto values = amp.param(param.name);
    std::string shape = std::to_string(param.shape.rowCount(kSizes));
    if (param.shape.rank == 2)
      shape += "," + std::to_string(param.shape.columnCount(kSizes));
    size_t begin = numbers.size();
    numbers.append(reinterpret_cast<const char *>(values.data()), values.size_bytes());
    header += (header.empty() ? "{" : ",") + ("\"param." + std::string(param.name)) +
              R"(":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" +
              std::to_string(begin) + "," + std::to_string(numbers.size()) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  uint64_t length = header.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(&length), sizeof length);
  file << header << numbers;
}

/// A guitar for each sequence, and what the circuit makes of it: [T, N], steps first.
struct Recording {
  std::vector<float> x, y;

  explicit Recording(int64_t steps) : x(steps * N), y(steps * N) {
    for (int64_t n = 0; n < N; ++n) {
      DiodeClipper circuit;
      auto guitar = playGuitar(100 + n, static_cast<double>(steps) / kSamplesPerSecond);
      for (int64_t t = 0; t < steps; ++t) {
        x[t * N + n] = guitar[t];
        y[t * N + n] = static_cast<float>(circuit.step(guitar[t]));
      }
    }
  }
};

} // namespace

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s amp.cell amp.safetensors\n", argv[0]);
    return 2;
  }
  auto amp = cellwright::compile(cellwright::loadFile(argv[1]), kSizes);
  amp.initialize(1);
  constexpr int64_t kParts = 200; // of T steps
  Recording recording(kParts * T);
  std::vector<float> dy(T * N), mean, square;
  double sumOfErrors = 0, sumOfSquares = 0;
  for (int update = 1; update <= kUpdates; ++update) {
    int64_t part = (update - 1) % kParts, at = part * T * N;
    std::span x(recording.x.data() + at, T * N), wanted(recording.y.data() + at, T * N);
    auto y = amp.forward({.steps = T, .sequences = N, .inputs = {x}, .isContinued = part > 0});
    for (int64_t i = 0; i < T * N; ++i) {
      dy[i] = 2 * (y[i] - wanted[i]) / (T * N);
      sumOfErrors += (y[i] - wanted[i]) * (y[i] - wanted[i]);
      sumOfSquares += wanted[i] * wanted[i];
    }
    amp.backward({.output = dy, .computesInputGradients = false});
    amp.update([&](std::span<float> params, std::span<const float> gradients) {
      mean.resize(params.size());
      square.resize(params.size());
      float rate = 0.01f * std::pow(0.01f, static_cast<float>(update) / kUpdates) *
                   std::sqrt(1 - std::pow(0.999f, update)) / (1 - std::pow(0.9f, update));
      for (size_t i = 0; i < params.size(); ++i) {
        mean[i] += 0.1f * (gradients[i] - mean[i]);
        square[i] += 0.001f * (gradients[i] * gradients[i] - square[i]);
        params[i] -= rate * mean[i] / (std::sqrt(square[i]) + 1e-8f);
      }
    });
    if (update % kParts == 0) {
      std::printf("update %5d: error to signal %.5f\n", update, sumOfErrors / sumOfSquares);
      sumOfErrors = sumOfSquares = 0;
    }
  }
  writeParams(argv[2], amp);
} catch (const cellwright::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
