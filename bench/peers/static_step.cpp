// One step of one sequence as one would write it by hand for sizes that are known when the program
// is compiled: arrays of a fixed size, plain loops, and the compiler's own unrolling and
// vectorization. What libraries for audio do (RTNeural), to be checked by reading.
#include "bench/peer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace cellwright {

namespace {

#define ALWAYS_INLINE [[gnu::always_inline]] inline

ALWAYS_INLINE float sigmoid(float v) { return 1 / (1 + std::exp(-v)); }

/// sum[j] = bias[j] + sum over k of vector[k] * matrix[k][j].
template <int K, int J>
ALWAYS_INLINE void product(const float (&matrix)[K][J], const float *vector, float (&sum)[J]) {
  for (int k = 0; k < K; ++k)
    for (int j = 0; j < J; ++j)
      sum[j] += vector[k] * matrix[k][j];
}

/// Weights of G gates beside each other, transposed, so that the innermost loop goes along memory.
template <int I, int H, int G> struct Gates { float W[I][G * H], U[H][G * H], b[G * H]; };

template <int I, int H> struct StaticLstm {
  static constexpr std::array kGates = {"i", "f", "g", "o"};
  static constexpr const char *kOperand = "h";
  Gates<I, H, 4> gates;
  float h[H] = {}, c[H] = {};

  ALWAYS_INLINE void step(const float *x) {
    float z[4 * H];
    std::copy(gates.b, gates.b + 4 * H, z);
    product(gates.W, x, z);
    product(gates.U, h, z);
    for (int j = 0; j < H; ++j) {
      c[j] = sigmoid(z[H + j]) * c[j] + sigmoid(z[j]) * std::tanh(z[2 * H + j]);
      h[j] = sigmoid(z[3 * H + j]) * std::tanh(c[j]);
    }
  }
};

/// The reset gate before the product, as in our `gru`: a second product waits for the first.
template <int I, int H> struct StaticGru {
  static constexpr std::array kGates = {"z", "r", "n"};
  static constexpr const char *kOperand = "2"; // of the last gate: `linear(x, r * h)`
  Gates<I, H, 3> gates;
  float h[H] = {};

  ALWAYS_INLINE void step(const float *x) {
    float z[3 * H], reset[H];
    std::copy(gates.b, gates.b + 3 * H, z);
    product(gates.W, x, z);
    for (int k = 0; k < H; ++k)
      for (int j = 0; j < 2 * H; ++j)
        z[j] += h[k] * gates.U[k][j];
    for (int j = 0; j < H; ++j)
      reset[j] = sigmoid(z[H + j]) * h[j];
    for (int k = 0; k < H; ++k)
      for (int j = 0; j < H; ++j)
        z[2 * H + j] += reset[k] * gates.U[k][2 * H + j];
    for (int j = 0; j < H; ++j) {
      float update = sigmoid(z[j]);
      h[j] = update * h[j] + (1 - update) * std::tanh(z[2 * H + j]);
    }
  }
};

template <int I, int H> struct StaticElman {
  static constexpr std::array kGates = {"h"};
  static constexpr const char *kOperand = "h";
  Gates<I, H, 1> gates;
  float h[H] = {};

  ALWAYS_INLINE void step(const float *x) {
    float z[H];
    std::copy(gates.b, gates.b + H, z);
    product(gates.W, x, z);
    product(gates.U, h, z);
    for (int j = 0; j < H; ++j)
      h[j] = std::tanh(z[j]);
  }
};

// The same for each kind of processor; the best is taken at run time.
template <typename Static> void stepAny(Static &cell, const float *x) { cell.step(x); }
template <typename Static>
__attribute__((target("arch=x86-64-v3"))) void stepV3(Static &cell, const float *x) {
  cell.step(x);
}
template <typename Static>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void stepV4(Static &cell,
                                                                              const float *x) {
  cell.step(x);
}

template <template <int, int> typename Static, int I, int H> class StaticPeer : public Peer {
public:
  StaticPeer(const Cell &cell, const SequenceInput &input)
      : x(input.inputs[0].begin(), input.inputs[0].end()) {
    constexpr auto kCount = static_cast<int>(Static<I, H>::kGates.size());
    auto read = [&](const std::string &name, int gate, int size, float *to) {
      for (size_t p = 0; p < cell.params.size(); ++p)
        for (int j = 0; cell.params[p].name == std::string_view(name) && j < H; ++j)
          for (int k = 0; k < size; ++k)
            to[(k * kCount + gate) * H + j] = static_cast<float>(input.params[p][j * size + k]);
    };
    for (int gate = 0; gate < kCount; ++gate) {
      std::string name = Static<I, H>::kGates[gate];
      read("W_" + name + "_x", gate, I, &state.gates.W[0][0]);
      read("W_" + name + "_" + (gate + 1 < kCount ? "h" : Static<I, H>::kOperand), gate, H,
           &state.gates.U[0][0]);
      read("b_" + name, gate, 1, state.gates.b);
    }
    if (__builtin_cpu_supports("x86-64-v4"))
      step = stepV4<Static<I, H>>;
    else if (__builtin_cpu_supports("x86-64-v3"))
      step = stepV3<Static<I, H>>;
  }

  void runForward() override {
    Static<I, H> fresh;
    std::copy(std::begin(fresh.h), std::end(fresh.h), state.h);
    if constexpr (requires { state.c; })
      std::copy(std::begin(fresh.c), std::end(fresh.c), state.c);
    result.clear();
    for (size_t at = 0; at < x.size(); at += I) {
      step(state, &x[at]);
      result.insert(result.end(), std::begin(state.h), std::end(state.h));
    }
  }
  void runStep() override { step(state, x.data()); }
  bool hasStep() const override { return true; }
  void runBoth() override {}
  bool hasBackward() const override { return false; }
  Elements output() const override { return result; }

private:
  Static<I, H> state;
  void (*step)(Static<I, H> &, const float *) = stepAny<Static<I, H>>;
  std::vector<float> x;
  Elements result;
};

template <template <int, int> typename Static, int H>
std::unique_ptr<Peer> makeOfSize(const Cell &cell, const SequenceInput &input, int64_t I) {
  if (I == H)
    return std::make_unique<StaticPeer<Static, H, H>>(cell, input);
  if (I == 1)
    return std::make_unique<StaticPeer<Static, 1, H>>(cell, input);
  return nullptr;
}

template <template <int, int> typename Static>
std::unique_ptr<Peer> makeOf(const Cell &cell, const SequenceInput &input, int64_t I, int64_t H) {
  switch (H) {
  case 8:
    return makeOfSize<Static, 8>(cell, input, I);
  case 16:
    return makeOfSize<Static, 16>(cell, input, I);
  case 32:
    return makeOfSize<Static, 32>(cell, input, I);
  case 64:
    return makeOfSize<Static, 64>(cell, input, I);
  case 128:
    return makeOfSize<Static, 128>(cell, input, I);
  default:
    return nullptr;
  }
}

} // namespace

std::unique_ptr<Peer> makeStaticPeer(const Cell &cell, const Bound &bound,
                                     const SequenceInput &input, int threads) {
  if (threads > 1 || input.sequences != 1)
    return nullptr;
  int64_t I = bound.rows(cell.inputs[0].shape), H = bound.rows(cell.states[0].shape);
  if (cell.name == "lstm")
    return makeOf<StaticLstm>(cell, input, I, H);
  if (cell.name == "gru")
    return makeOf<StaticGru>(cell, input, I, H);
  if (cell.name == "elman")
    return makeOf<StaticElman>(cell, input, I, H);
  return nullptr;
}

} // namespace cellwright
