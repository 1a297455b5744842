// An LSTM as one would write it first: three nested loops, the compiler's own vectorization, no
// blocking, no packing. The baseline that anyone can check by reading.
#include "bench/peer.h"

#include <cmath>
#include <vector>

namespace cellwright {

namespace {

enum Gate { kInput, kForget, kCandidate, kOutput, kGateCount };
constexpr const char *kGateNames[] = {"i", "f", "g", "o"};

/// sum[j] += sum over k of vector[k] * matrix[k][j]; compiled for each kind of processor, the best
/// is taken at run time.
__attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"))) void
addProduct(const float *matrix, const float *vector, int64_t size, int64_t columns, float *sum) {
  for (int64_t k = 0; k < size; ++k)
    for (int64_t j = 0; j < columns; ++j)
      sum[j] += vector[k] * matrix[k * columns + j];
}

class PlainLstm : public Peer {
public:
  PlainLstm(const Cell &cell, const Bound &bound, const SequenceInput &input)
      : T(input.steps), N(input.sequences), I(bound.rows(cell.inputs[0].shape)),
        H(bound.rows(cell.states[0].shape)), x(input.inputs[0].begin(), input.inputs[0].end()),
        gates(T * N * kGateCount * H), c((T + 1) * N * H), h((T + 1) * N * H) {
    for (int gate = 0; gate < kGateCount; ++gate) {
      std::string name = kGateNames[gate];
      W[gate] = transposed(find(cell, input, "W_" + name + "_x"), I);
      U[gate] = transposed(find(cell, input, "W_" + name + "_h"), H);
      b[gate] = find(cell, input, "b_" + name);
    }
  }

  void runForward() override {
    for (int64_t row = 0; row < T * N; ++row) {
      float *z = &gates[row * kGateCount * H];
      for (int gate = 0; gate < kGateCount; ++gate) {
        std::copy(b[gate].begin(), b[gate].end(), z + gate * H);
        addProduct(W[gate].data(), &x[row * I], I, H, z + gate * H);
        addProduct(U[gate].data(), &h[row * H], H, H, z + gate * H);
      }
      for (int64_t j = 0; j < H; ++j) {
        float i = sigmoid(z[kInput * H + j]), f = sigmoid(z[kForget * H + j]);
        float g = std::tanh(z[kCandidate * H + j]), o = sigmoid(z[kOutput * H + j]);
        float next = f * c[row * H + j] + i * g;
        c[(row + N) * H + j] = next;
        h[(row + N) * H + j] = o * std::tanh(next);
      }
    }
  }
  void runBoth() override {}
  bool hasBackward() const override { return false; }
  Elements output() const override { return Elements(h.begin() + N * H, h.end()); }

private:
  static std::vector<float> find(const Cell &cell, const SequenceInput &input,
                                 const std::string &name) {
    for (size_t i = 0; i < cell.params.size(); ++i)
      if (cell.params[i].name == std::string_view(name))
        return {input.params[i].begin(), input.params[i].end()};
    return {};
  }

  /// [H, size] as [size, H]: the innermost loop then goes along memory.
  std::vector<float> transposed(const std::vector<float> &matrix, int64_t size) const {
    std::vector<float> result(matrix.size());
    for (int64_t j = 0; j < H; ++j)
      for (int64_t k = 0; k < size; ++k)
        result[k * H + j] = matrix[j * size + k];
    return result;
  }

  static float sigmoid(float v) { return 1 / (1 + std::exp(-v)); }

  int64_t T, N, I, H;
  std::vector<float> x, gates, c, h;
  std::vector<float> W[kGateCount], U[kGateCount], b[kGateCount];
};

} // namespace

std::unique_ptr<Peer> makePlainPeer(const Cell &cell, const Bound &bound,
                                    const SequenceInput &input, int threads) {
  if (cell.name != "lstm" || threads > 1)
    return nullptr;
  return std::make_unique<PlainLstm>(cell, bound, input);
}

} // namespace cellwright
