// Intel's oneDNN, versions 2 and 3, as a module that is loaded at run time: vanilla, LSTM, GRU and
// the GRU that resets after the product. What one gets wrong: weights stand as [layer, direction,
// input, gate, output], with gates in an order of its own, and each direction of a pass wants its
// own blocked layout.
#include "bench/peer.h"

#include "runtime/error.h"

#include "oneapi/dnnl/dnnl.hpp"

#include <cstring>
#include <unordered_map>

#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
#include <omp.h>
#endif

namespace cellwright {

namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

/// How one of our cells stands in oneDNN: its gates in oneDNN's order.
struct DnnCell {
  const char *name;
  std::vector<const char *> gates;
  bool hasMemory = false;    // a second state
  bool hasExtraBias = false; // one more bias than gates
};

const DnnCell kCells[] = {
    {"elman", {"h"}},
    {"lstm", {"i", "f", "g", "o"}, true},
    {"gru", {"z", "r", "n"}},
    {"gru_reset_after", {"z", "r", "n"}, false, true},
};

#if DNNL_VERSION_MAJOR >= 3
template <typename Primitive, typename... Parts>
auto describe(const dnnl::engine &engine, const Parts &...parts) {
  return typename Primitive::primitive_desc(engine, parts...);
}
template <typename Primitive, typename Hint, typename... Parts>
auto describeBackward(const dnnl::engine &engine, const Hint &hint, const Parts &...parts) {
  return typename Primitive::primitive_desc(engine, parts..., hint);
}
#else
template <typename Primitive, typename... Parts>
auto describe(const dnnl::engine &engine, const Parts &...parts) {
  return typename Primitive::primitive_desc(typename Primitive::desc(parts...), engine);
}
template <typename Primitive, typename Hint, typename... Parts>
auto describeBackward(const dnnl::engine &engine, const Hint &hint, const Parts &...parts) {
  return typename Primitive::primitive_desc(typename Primitive::desc(parts...), engine, hint);
}
#endif

class OneDnnPeer : public Peer {
public:
  OneDnnPeer(const DnnCell &row, const Cell &cell, const Bound &bound, const SequenceInput &input)
      : row(row), T(input.steps), N(input.sequences), I(bound.rows(cell.inputs[0].shape)),
        H(bound.rows(cell.states[0].shape)), G(static_cast<int64_t>(row.gates.size())) {
    loadNumbers(cell, input);
    if (std::string_view(row.name) == "lstm")
      build<dnnl::lstm_forward, dnnl::lstm_backward>();
    else if (std::string_view(row.name) == "gru")
      build<dnnl::gru_forward, dnnl::gru_backward>();
    else if (std::string_view(row.name) == "gru_reset_after")
      build<dnnl::lbr_gru_forward, dnnl::lbr_gru_backward>();
    else
      build<dnnl::vanilla_rnn_forward, dnnl::vanilla_rnn_backward>();
  }

  void runForward() override { run(inference, inferenceArguments); }
  void runBoth() override {
    run(training, trainingArguments);
    run(backward, backwardArguments);
  }
  Elements output() const override {
    auto data =
        static_cast<const float *>(inferenceArguments.at(DNNL_ARG_DST_LAYER).get_data_handle());
    return Elements(data, data + T * N * H);
  }

private:
  using Dims = memory::dims;
  static constexpr auto kType = memory::data_type::f32;
  static constexpr auto kDirection = dnnl::rnn_direction::unidirectional_left2right;
  /// A layout that oneDNN chooses.
  static memory::desc any(const Dims &dims) { return {dims, kType, memory::format_tag::any}; }
  static memory::desc plain(const Dims &dims, memory::format_tag tag) { return {dims, kType, tag}; }

  void run(const dnnl::primitive &primitive, const Arguments &arguments) {
    primitive.execute(stream, arguments);
    stream.wait();
  }

  memory fill(const memory::desc &desc, const std::vector<float> &numbers) {
    memory filled(desc, engine);
    std::memcpy(filled.get_data_handle(), numbers.data(), numbers.size() * sizeof(float));
    return filled;
  }
  memory zeros(const memory::desc &desc) {
    memory zeroed(desc, engine);
    std::memset(zeroed.get_data_handle(), 0, desc.get_size());
    return zeroed;
  }
  memory reorder(memory from, const memory::desc &to) {
    if (from.get_desc() == to)
      return from;
    memory reordered(to, engine);
    dnnl::reorder(from, reordered).execute(stream, from, reordered);
    stream.wait();
    return reordered;
  }

  /// The parameters of the cell by name, gates and sides exchanged.
  void loadNumbers(const Cell &cell, const SequenceInput &input) {
    auto param = [&](const std::string &name) -> const Elements & {
      for (size_t i = 0; i < cell.params.size(); ++i)
        if (cell.params[i].name == std::string_view(name))
          return input.params[i];
      throw Error(fmt::format("`{}` has no parameter `{}`", row.name, name));
    };
    std::vector<float> inputWeights(I * G * H), stateWeights(H * G * H), biases;
    for (int64_t gate = 0; gate < G; ++gate) {
      std::string name = row.gates[gate];
      // The GRU that resets first multiplies a product of r and h: `linear` calls it by position.
      bool isReset = std::string_view(row.name) == "gru" && name == "n";
      bool isAfter = row.hasExtraBias && name == "n";
      place(param("W_" + name + "_x"), I, gate, inputWeights);
      place(param("W_" + name + (isReset ? "_2" : "_h")), H, gate, stateWeights);
      const Elements &bias = param("b_" + name);
      biases.insert(biases.end(), bias.begin(), bias.end());
      if (isAfter) {
        const Elements &extra = param("b_hn");
        biases.insert(biases.end(), extra.begin(), extra.end());
      }
    }
    x = fill(plain({T, N, I}, memory::format_tag::tnc),
             std::vector<float>(input.inputs[0].begin(), input.inputs[0].end()));
    plainInputWeights = fill(plain({1, 1, I, G, H}, memory::format_tag::ldigo), inputWeights);
    plainStateWeights = fill(plain({1, 1, H, G, H}, memory::format_tag::ldigo), stateWeights);
    bias = fill(plain({1, 1, G + row.hasExtraBias, H}, memory::format_tag::ldgo), biases);
  }

  /// W [H, size] of one gate into [size, G, H].
  void place(const Elements &weights, int64_t size, int64_t gate, std::vector<float> &all) const {
    for (int64_t h = 0; h < H; ++h)
      for (int64_t i = 0; i < size; ++i)
        all[(i * G + gate) * H + h] = static_cast<float>(weights[h * size + i]);
  }

  template <typename Forward, typename Backward> void build() {
    auto forwardOf = [&](dnnl::prop_kind kind) {
      memory::desc inputs = plain({T, N, I}, memory::format_tag::tnc);
      memory::desc outputs = plain({T, N, H}, memory::format_tag::tnc);
      memory::desc states = plain({1, 1, N, H}, memory::format_tag::ldnc);
      memory::desc biases = bias.get_desc();
      if constexpr (std::is_same_v<Forward, dnnl::lstm_forward>)
        return describe<Forward>(engine, kind, kDirection, inputs, states, states,
                                 any({1, 1, I, G, H}), any({1, 1, H, G, H}), biases, outputs,
                                 states, states);
      else if constexpr (std::is_same_v<Forward, dnnl::vanilla_rnn_forward>)
        return describe<Forward>(engine, kind, dnnl::algorithm::eltwise_tanh, kDirection, inputs,
                                 states, any({1, 1, I, G, H}), any({1, 1, H, G, H}), biases,
                                 outputs, states);
      else
        return describe<Forward>(engine, kind, kDirection, inputs, states, any({1, 1, I, G, H}),
                                 any({1, 1, H, G, H}), biases, outputs, states);
    };
    auto inferenceDesc = forwardOf(dnnl::prop_kind::forward_inference);
    inference = Forward(inferenceDesc);
    inferenceArguments = forwardArguments(inferenceDesc);
    auto trainingDesc = forwardOf(dnnl::prop_kind::forward_training);
    training = Forward(trainingDesc);
    trainingArguments = forwardArguments(trainingDesc);
    trainingArguments[DNNL_ARG_WORKSPACE] = memory(trainingDesc.workspace_desc(), engine);
    buildBackward<Backward>(trainingDesc);
  }

  template <typename Description> Arguments forwardArguments(const Description &desc) {
    Arguments arguments = {
        {DNNL_ARG_SRC_LAYER, x},
        {DNNL_ARG_SRC_ITER, zeros(desc.src_iter_desc())},
        {DNNL_ARG_WEIGHTS_LAYER, reorder(plainInputWeights, desc.weights_layer_desc())},
        {DNNL_ARG_WEIGHTS_ITER, reorder(plainStateWeights, desc.weights_iter_desc())},
        {DNNL_ARG_BIAS, bias},
        {DNNL_ARG_DST_LAYER, memory(desc.dst_layer_desc(), engine)},
        {DNNL_ARG_DST_ITER, memory(desc.dst_iter_desc(), engine)}};
    if (row.hasMemory) {
      arguments[DNNL_ARG_SRC_ITER_C] = zeros(desc.src_iter_desc());
      arguments[DNNL_ARG_DST_ITER_C] = memory(desc.dst_iter_desc(), engine);
    }
    return arguments;
  }

  template <typename Backward, typename Hint> void buildBackward(const Hint &hint) {
    auto kind = dnnl::prop_kind::backward;
    memory::desc inputs = plain({T, N, I}, memory::format_tag::tnc);
    memory::desc outputs = plain({T, N, H}, memory::format_tag::tnc);
    memory::desc states = plain({1, 1, N, H}, memory::format_tag::ldnc);
    memory::desc wx = any({1, 1, I, G, H}), wh = any({1, 1, H, G, H}), b = bias.get_desc();
    auto desc = [&] {
      if constexpr (std::is_same_v<Backward, dnnl::lstm_backward>)
        return describeBackward<Backward>(engine, hint, kind, kDirection, inputs, states, states,
                                          wx, wh, b, outputs, states, states, inputs, states,
                                          states, wx, wh, b, outputs, states, states);
      else if constexpr (std::is_same_v<Backward, dnnl::vanilla_rnn_backward>)
        return describeBackward<Backward>(engine, hint, kind, dnnl::algorithm::eltwise_tanh,
                                          kDirection, inputs, states, wx, wh, b, outputs, states,
                                          inputs, states, wx, wh, b, outputs, states);
      else
        return describeBackward<Backward>(engine, hint, kind, kDirection, inputs, states, wx, wh, b,
                                          outputs, states, inputs, states, wx, wh, b, outputs,
                                          states);
    }();
    backward = Backward(desc);
    backwardArguments = trainingArguments;
    backwardArguments[DNNL_ARG_WEIGHTS_LAYER] =
        reorder(plainInputWeights, desc.weights_layer_desc());
    backwardArguments[DNNL_ARG_WEIGHTS_ITER] = reorder(plainStateWeights, desc.weights_iter_desc());
    auto add = [&](int argument, const memory::desc &layout) {
      backwardArguments[argument] = zeros(layout);
    };
    add(DNNL_ARG_DIFF_SRC_LAYER, desc.diff_src_layer_desc());
    add(DNNL_ARG_DIFF_SRC_ITER, desc.diff_src_iter_desc());
    add(DNNL_ARG_DIFF_WEIGHTS_LAYER, desc.diff_weights_layer_desc());
    add(DNNL_ARG_DIFF_WEIGHTS_ITER, desc.diff_weights_iter_desc());
    add(DNNL_ARG_DIFF_BIAS, desc.diff_bias_desc());
    add(DNNL_ARG_DIFF_DST_LAYER, desc.diff_dst_layer_desc());
    add(DNNL_ARG_DIFF_DST_ITER, desc.diff_dst_iter_desc());
    if (row.hasMemory) {
      add(DNNL_ARG_DIFF_SRC_ITER_C, desc.diff_src_iter_desc());
      add(DNNL_ARG_DIFF_DST_ITER_C, desc.diff_dst_iter_desc());
    }
  }

  DnnCell row;
  int64_t T, N, I, H, G;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  memory x, plainInputWeights, plainStateWeights, bias;
  dnnl::primitive inference, training, backward;
  Arguments inferenceArguments, trainingArguments, backwardArguments;
};

std::string versionText() {
  const dnnl_version_t *version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

std::unique_ptr<Peer> makeOneDnnPeer(const Cell &cell, const Bound &bound,
                                     const SequenceInput &input, int threads) {
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
  omp_set_num_threads(threads);
#else
  (void)threads; // the process has as many processors as it has threads
#endif
  try {
    for (const DnnCell &row : kCells)
      if (cell.name == std::string_view(row.name))
        return std::make_unique<OneDnnPeer>(row, cell, bound, input);
  } catch (const dnnl::error &error) {
    throw Error(fmt::format("{} does not work here: {}; leave --peers out, or build without it",
                            versionText(), error.what()));
  }
  return nullptr;
}

} // namespace

} // namespace cellwright

extern "C" __attribute__((visibility("default"))) void cellwright_peer(cellwright::PeerRow *row) {
  row->name = cellwright::versionText();
  row->make = cellwright::makeOneDnnPeer;
}
