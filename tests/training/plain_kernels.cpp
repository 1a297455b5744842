// See plain_kernels.h. Buffers are numbered in the order of their tables.
#include "tests/training/plain_kernels.h"

#include <array>
#include <cmath>
#include <cstring>

namespace cellwright {

namespace {

constexpr int V = kPlainSymbols, H = kPlainHidden;

/// Element (row, column) of a buffer in panels.
float &at(const cellwright_buffer &buffer, int64_t row, int64_t column) {
  return static_cast<float *>(buffer.data)[column / kPlainWidth * buffer.panel_stride +
                                           row * kPlainWidth + column % kPlainWidth];
}

float *dense(const cellwright_buffer &buffer) { return static_cast<float *>(buffer.data); }

//===-- The recurrent cell --------------------------------------------------------------------===//

enum RecurrentBuffer {
  kX,
  kH,
  kNext,
  kWx,
  kWh,
  kB,
  kDOut,
  kDNext,
  kDState,
  kDWx,
  kDWh,
  kDB,
  kDz,
  kSumWx,
  kSumWh,
  kSumB
};

void stepForward(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row) {
    int32_t symbol = static_cast<const int32_t *>(buffers[kX].data)[row];
    for (int i = 0; i < H; ++i) {
      float z = dense(buffers[kB])[i] + dense(buffers[kWx])[i * V + symbol];
      for (int j = 0; j < H; ++j)
        z += dense(buffers[kWh])[i * H + j] * at(buffers[kH], row, j);
      at(buffers[kNext], row, i) = std::tanh(z);
    }
  }
}

void stepBackward(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row) {
    for (int i = 0; i < H; ++i) {
      float h = at(buffers[kNext], row, i);
      at(buffers[kDz], row, i) =
          (at(buffers[kDOut], row, i) + at(buffers[kDNext], row, i)) * (1 - h * h);
    }
    for (int j = 0; j < H; ++j) {
      float sum = 0;
      for (int i = 0; i < H; ++i)
        sum += dense(buffers[kWh])[i * H + j] * at(buffers[kDz], row, i);
      at(buffers[kDState], row, j) = sum;
    }
  }
}

/// A tile is a row of the weights.
void sumRecurrent(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t i = call->tile_begin; i < call->tile_end; ++i)
    for (int64_t row = call->row_begin; row < call->row_end; ++row) {
      float dz = at(buffers[kDz], row, i);
      dense(buffers[kSumB])[i] += dz;
      dense(buffers[kSumWx])[i * V + static_cast<const int32_t *>(buffers[kX].data)[row]] += dz;
      for (int j = 0; j < H; ++j)
        dense(buffers[kSumWh])[i * H + j] += dz * at(buffers[kH], row, j);
    }
}

void finishRecurrent(const cellwright_buffer *buffers, const cellwright_call *) {
  std::memcpy(buffers[kDWx].data, buffers[kSumWx].data, H * V * sizeof(float));
  std::memcpy(buffers[kDWh].data, buffers[kSumWh].data, H * H * sizeof(float));
  std::memcpy(buffers[kDB].data, buffers[kSumB].data, H * sizeof(float));
}

//===-- The decoder ---------------------------------------------------------------------------===//

enum DecoderBuffer { kIn, kOut, kW, kC, kAdjoint, kDIn, kDW, kDC, kSumW, kSumC };

void decode(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row)
    for (int i = 0; i < V; ++i) {
      float y = dense(buffers[kC])[i];
      for (int j = 0; j < H; ++j)
        y += dense(buffers[kW])[i * H + j] * at(buffers[kIn], row, j);
      at(buffers[kOut], row, i) = y;
    }
}

void decodeBackward(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row)
    for (int j = 0; j < H; ++j) {
      float sum = 0;
      for (int i = 0; i < V; ++i)
        sum += dense(buffers[kW])[i * H + j] * at(buffers[kAdjoint], row, i);
      at(buffers[kDIn], row, j) = sum;
    }
}

void sumDecoder(const cellwright_buffer *buffers, const cellwright_call *call) {
  for (int64_t i = call->tile_begin; i < call->tile_end; ++i)
    for (int64_t row = call->row_begin; row < call->row_end; ++row) {
      float dy = at(buffers[kAdjoint], row, i);
      dense(buffers[kSumC])[i] += dy;
      for (int j = 0; j < H; ++j)
        dense(buffers[kSumW])[i * H + j] += dy * at(buffers[kIn], row, j);
    }
}

void finishDecoder(const cellwright_buffer *buffers, const cellwright_call *) {
  std::memcpy(buffers[kDW].data, buffers[kSumW].data, V * H * sizeof(float));
  std::memcpy(buffers[kDC].data, buffers[kSumC].data, V * sizeof(float));
}

//===-- Tables --------------------------------------------------------------------------------===//

constexpr cellwright_buffer_info series(const char *name, cellwright_role role, int columns) {
  return {name, role, CELLWRIGHT_TAPE, 0, columns, 0, 0};
}
constexpr cellwright_buffer_info numbers(const char *name, cellwright_role role, int index,
                                         int elements) {
  return {name, role, CELLWRIGHT_UPDATE, index, 0, elements, role == CELLWRIGHT_VALUE};
}

constexpr cellwright_vector_info kIndexInput = {"x", V, 0, 1};
constexpr cellwright_vector_info kVectorInput = {"h", H, 0, 0};
constexpr cellwright_vector_info kState = {"h", H, 0, 0};

constexpr std::array kRecurrentParams = {
    cellwright_param_info{"W_h_x", 2, H, V, 0, CELLWRIGHT_GLOROT, 0, 0},
    cellwright_param_info{"W_h_h", 2, H, H, 0, CELLWRIGHT_ORTHOGONAL, 0, 0},
    cellwright_param_info{"b_h", 1, H, 1, 0, CELLWRIGHT_CONSTANT, 0, 0},
};
constexpr std::array kRecurrentBuffers = {
    series("x", CELLWRIGHT_INPUT, 0),
    series("h", CELLWRIGHT_STATE, H),
    series("h'", CELLWRIGHT_NEXT, H),
    numbers("W_h_x", CELLWRIGHT_PARAM, 0, H *V),
    numbers("W_h_h", CELLWRIGHT_PARAM, 1, H *H),
    numbers("b_h", CELLWRIGHT_PARAM, 2, H),
    series("dh'", CELLWRIGHT_ADJOINT_OUTPUT, H),
    series("dh'", CELLWRIGHT_ADJOINT_NEXT, H),
    series("dh", CELLWRIGHT_ADJOINT_STATE, H),
    numbers("dW_h_x", CELLWRIGHT_ADJOINT_PARAM, 0, H *V),
    numbers("dW_h_h", CELLWRIGHT_ADJOINT_PARAM, 1, H *H),
    numbers("db_h", CELLWRIGHT_ADJOINT_PARAM, 2, H),
    series("dz", CELLWRIGHT_VALUE, H),
    numbers("sum of dW_h_x", CELLWRIGHT_VALUE, 0, H *V),
    numbers("sum of dW_h_h", CELLWRIGHT_VALUE, 0, H *H),
    numbers("sum of db_h", CELLWRIGHT_VALUE, 0, H),
};
constexpr std::array kRecurrentPhases = {
    cellwright_phase_info{stepForward, "step", CELLWRIGHT_FORWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{stepBackward, "step back", CELLWRIGHT_BACKWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{sumRecurrent, "sums", CELLWRIGHT_GRADIENT, H, 0, 0, 0, 0},
    cellwright_phase_info{finishRecurrent, "gradients", CELLWRIGHT_FINISH, 1, 0, 0, 0, 0},
};

constexpr std::array kDecoderParams = {
    cellwright_param_info{"W_y_h", 2, V, H, 0, CELLWRIGHT_GLOROT, 0, 0},
    cellwright_param_info{"b_y", 1, V, 1, 0, CELLWRIGHT_CONSTANT, 0, 0},
};
constexpr std::array kDecoderBuffers = {
    series("h", CELLWRIGHT_INPUT, H),
    series("y", CELLWRIGHT_OUTPUT, V),
    numbers("W_y_h", CELLWRIGHT_PARAM, 0, V *H),
    numbers("b_y", CELLWRIGHT_PARAM, 1, V),
    series("dy", CELLWRIGHT_ADJOINT_OUTPUT, V),
    series("dh", CELLWRIGHT_ADJOINT_INPUT, H),
    numbers("dW_y_h", CELLWRIGHT_ADJOINT_PARAM, 0, V *H),
    numbers("db_y", CELLWRIGHT_ADJOINT_PARAM, 1, V),
    numbers("sum of dW_y_h", CELLWRIGHT_VALUE, 0, V *H),
    numbers("sum of db_y", CELLWRIGHT_VALUE, 0, V),
};
constexpr std::array kDecoderPhases = {
    cellwright_phase_info{decode, "decode", CELLWRIGHT_FORWARD_BEFORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{decodeBackward, "decode back", CELLWRIGHT_BACKWARD_BEFORE, 1, 0, 1, 0, 0},
    cellwright_phase_info{sumDecoder, "sums", CELLWRIGHT_GRADIENT, V, 0, 0, 0, 0},
    cellwright_phase_info{finishDecoder, "gradients", CELLWRIGHT_FINISH, 1, 0, 0, 0, 0},
};

template <typename Params, typename Buffers, typename Phases>
constexpr cellwright_kernel kernelOf(const char *name, const cellwright_vector_info &input,
                                     bool hasState, const Params &params, const Buffers &buffers,
                                     const Phases &phases, int outputSize) {
  cellwright_kernel kernel = {};
  kernel.abi_version = CELLWRIGHT_ABI_VERSION;
  kernel.type = CELLWRIGHT_F32;
  kernel.width = kPlainWidth;
  kernel.name = name;
  kernel.input_count = 1;
  kernel.inputs = &input;
  kernel.state_count = hasState;
  kernel.states = &kState;
  kernel.param_count = static_cast<int32_t>(params.size());
  kernel.params = params.data();
  kernel.buffer_count = static_cast<int32_t>(buffers.size());
  kernel.buffers = buffers.data();
  kernel.phase_count = static_cast<int32_t>(phases.size());
  kernel.phases = phases.data();
  kernel.output_size = outputSize;
  kernel.output_state = hasState ? 0 : -1;
  kernel.has_backward = 1;
  return kernel;
}

constexpr cellwright_kernel kRecurrent =
    kernelOf("plain", kIndexInput, true, kRecurrentParams, kRecurrentBuffers, kRecurrentPhases, H);
constexpr cellwright_kernel kDecoder =
    kernelOf("decoder", kVectorInput, false, kDecoderParams, kDecoderBuffers, kDecoderPhases, V);

} // namespace

SequenceModelKernels plainKernels() {
  SequenceModelKernels kernels;
  kernels.layers = {{.cell = &kRecurrent}};
  kernels.decoder = &kDecoder;
  return kernels;
}

} // namespace cellwright
