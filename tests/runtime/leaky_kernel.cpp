// See leaky_kernel.h. Buffers are numbered in the order of their tables.
#include "leaky_kernel.h"

#include <array>
#include <cstring>

namespace cellwright::test {

namespace {

constexpr int H = kLeakySize;
constexpr int kSymbols = 3;

/// Element (row, column) of a buffer in panels.
double &at(const cellwright_buffer &buffer, int64_t row, int64_t column) {
  return static_cast<double *>(buffer.data)[column / kLeakyWidth * buffer.panel_stride +
                                            row * kLeakyWidth + column % kLeakyWidth];
}

double *dense(const cellwright_buffer &buffer) { return static_cast<double *>(buffer.data); }

template <typename Visit> void forElements(const cellwright_call *call, const Visit &visit) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row)
    for (int column = 0; column < H; ++column)
      visit(row, column);
}

//===-- The leaky cell ------------------------------------------------------------------------===//

enum LeakyBuffer {
  kX,
  kV,
  kH,
  kNext,
  kA,
  kY,
  kDy,
  kDirect,
  kDNext,
  kDh,
  kDx,
  kDv,
  kDa,
  kSumA,
  kSum,
  kSumV
};

void stepForward(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    at(b[kNext], row, i) = dense(b[kA])[i] * at(b[kH], row, i) + at(b[kX], row, i);
  });
}

/// Per step: it reads a row of a sequence.
void addStyle(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    at(b[kY], row, i) = at(b[kNext], row, i) + at(b[kV], row, i);
  });
}

void stepBackward(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    double sum = at(b[kDy], row, i) + at(b[kDirect], row, i) + at(b[kDNext], row, i);
    at(b[kSum], row, i) = sum;
    at(b[kDh], row, i) = dense(b[kA])[i] * sum;
  });
}

void copyInputAdjoint(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) { at(b[kDx], row, i) = at(b[kSum], row, i); });
}

void addUpStyle(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) { at(b[kSumV], row, i) += at(b[kDy], row, i); });
}

/// A tile is an element of the parameter.
void sumParameter(const cellwright_buffer *b, const cellwright_call *call) {
  for (int64_t i = call->tile_begin; i < call->tile_end; ++i)
    for (int64_t row = call->row_begin; row < call->row_end; ++row)
      dense(b[kSumA])[i] += at(b[kSum], row, i) * at(b[kH], row, i);
}

void copyStyle(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) { at(b[kDv], row, i) = at(b[kSumV], row, i); });
}

void finish(const cellwright_buffer *b, const cellwright_call *) {
  std::memcpy(b[kDa].data, b[kSumA].data, H * sizeof(double));
}

constexpr cellwright_buffer_info series(const char *name, cellwright_role role,
                                        cellwright_lifetime lifetime, int index = 0) {
  return {name, role, lifetime, index, H, 0, 0};
}
constexpr cellwright_buffer_info numbers(const char *name, cellwright_role role, int64_t count) {
  return {name, role, CELLWRIGHT_UPDATE, 0, 0, count, role == CELLWRIGHT_VALUE};
}

constexpr std::array kLeakyInputs = {cellwright_vector_info{"x", H, 0, 0},
                                     cellwright_vector_info{"v", H, 1, 0}};
constexpr cellwright_vector_info kLeakyState = {"h", H, 0, 0};
constexpr cellwright_param_info kLeakyParam = {"a", 1, H, 1, 0, CELLWRIGHT_CONSTANT, 0.5, 0};
constexpr std::array kLeakyBuffers = {
    series("x", CELLWRIGHT_INPUT, CELLWRIGHT_BLOCK),
    series("v", CELLWRIGHT_INPUT, CELLWRIGHT_SEQUENCE, 1),
    series("h", CELLWRIGHT_STATE, CELLWRIGHT_TAPE),
    series("h'", CELLWRIGHT_NEXT, CELLWRIGHT_TAPE),
    numbers("a", CELLWRIGHT_PARAM, H),
    series("y", CELLWRIGHT_OUTPUT, CELLWRIGHT_BLOCK),
    series("dy", CELLWRIGHT_ADJOINT_OUTPUT, CELLWRIGHT_BLOCK),
    series("direct", CELLWRIGHT_ADJOINT_DIRECT, CELLWRIGHT_BLOCK),
    series("dnext", CELLWRIGHT_ADJOINT_NEXT, CELLWRIGHT_STEP),
    series("dh", CELLWRIGHT_ADJOINT_STATE, CELLWRIGHT_STEP),
    series("dx", CELLWRIGHT_ADJOINT_INPUT, CELLWRIGHT_BLOCK),
    series("dv", CELLWRIGHT_ADJOINT_INPUT, CELLWRIGHT_SEQUENCE, 1),
    numbers("da", CELLWRIGHT_ADJOINT_PARAM, H),
    numbers("sum of da", CELLWRIGHT_VALUE, H),
    series("sum", CELLWRIGHT_VALUE, CELLWRIGHT_BLOCK),
    cellwright_buffer_info{"sum of dv", CELLWRIGHT_VALUE, CELLWRIGHT_SEQUENCE, 0, H, 0, 1},
};
constexpr std::array kLeakyPhases = {
    cellwright_phase_info{stepForward, "step", CELLWRIGHT_FORWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{addStyle, "style", CELLWRIGHT_FORWARD_AFTER, 2, 1, 0, 0, 0},
    cellwright_phase_info{stepBackward, "step back", CELLWRIGHT_BACKWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{copyInputAdjoint, "dx", CELLWRIGHT_BACKWARD_AFTER, 1, 0, 1, 0, 0},
    cellwright_phase_info{addUpStyle, "dv", CELLWRIGHT_BACKWARD_AFTER, 1, 1, 1, 0, 0},
    cellwright_phase_info{sumParameter, "sums", CELLWRIGHT_GRADIENT, H, 0, 0, 0, 0},
    cellwright_phase_info{copyStyle, "dv of sequences", CELLWRIGHT_BACKWARD_SEQUENCE, 1, 0, 1, 0,
                          0},
    cellwright_phase_info{finish, "gradients", CELLWRIGHT_FINISH, 1, 0, 0, 0, 0},
};
// Without v: no phase reads or writes its buffers.
constexpr std::array kPlainPhases = {kLeakyPhases[0], kLeakyPhases[2], kLeakyPhases[3],
                                     kLeakyPhases[5], kLeakyPhases[7]};

//===-- The taped cell ------------------------------------------------------------------------===//

enum TapedBuffer {
  kTapedX,
  kTapedC,
  kTapedH,
  kTapedA,
  kDrawn,
  kProduct,
  kNextC,
  kNextH,
  kTapedDy,
  kDNextC,
  kDNextH,
  kDc,
  kDhTaped,
  kTapedDx,
  kTapedDa,
  kSumTaped,
  kDNewC,
  kDNewH
};

/// In no particular way random, but another number for each step, sequence and seed.
void drawTaped(const cellwright_buffer *b, const cellwright_call *call) {
  for (int64_t row = call->row_begin; row < call->row_end; ++row)
    for (int i = 0; i < H; ++i) {
      uint64_t mixed = (call->seed + 31 * call->step + 7 * call->sequences[row] + i) *
                       uint64_t{0x9E3779B97F4A7C15};
      at(b[kDrawn], row, i) = static_cast<double>(mixed >> 56) / 256 - 0.5;
    }
}

/// Numbers stay finite over thousands of steps.
double bounded(double x) { return 0.5 * x / (1 + x * x); }

void stepTaped(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    double product = at(b[kTapedH], row, i) * at(b[kTapedC], row, i);
    double c = bounded(product) + at(b[kDrawn], row, i) + at(b[kTapedX], row, i);
    at(b[kProduct], row, i) = product;
    at(b[kNextC], row, i) = c;
    at(b[kNextH], row, i) = dense(b[kTapedA])[i] * c + 0.25 * at(b[kTapedH], row, i);
  });
}

void stepTapedBackward(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    double dh = at(b[kTapedDy], row, i) + at(b[kDNextH], row, i);
    // What is saved takes part, so that a wrong tape gives wrong gradients.
    double dc = at(b[kDNextC], row, i) + dense(b[kTapedA])[i] * dh +
                1e-3 * at(b[kProduct], row, i) * at(b[kDrawn], row, i);
    at(b[kDNewC], row, i) = dc;
    at(b[kDNewH], row, i) = dh;
    at(b[kDc], row, i) = dc * bounded(at(b[kTapedH], row, i));
    at(b[kDhTaped], row, i) = 0.25 * dh + dc * bounded(at(b[kTapedC], row, i));
  });
}

void copyTapedInputAdjoint(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) { at(b[kTapedDx], row, i) = at(b[kDNewC], row, i); });
}

void sumTaped(const cellwright_buffer *b, const cellwright_call *call) {
  for (int64_t i = call->tile_begin; i < call->tile_end; ++i) {
    // A partial sum of the block, as compiled kernels have them: blocks change the bits.
    double sum = 0;
    for (int64_t row = call->row_begin; row < call->row_end; ++row)
      sum += at(b[kDNewH], row, i) * at(b[kNextC], row, i);
    dense(b[kSumTaped])[i] += sum;
  }
}

void finishTaped(const cellwright_buffer *b, const cellwright_call *) {
  std::memcpy(b[kTapedDa].data, b[kSumTaped].data, H * sizeof(double));
}

constexpr std::array kTapedStates = {cellwright_vector_info{"c", H, 0, 0},
                                     cellwright_vector_info{"h", H, 0, 0}};
constexpr std::array kTapedBuffers = {
    series("x", CELLWRIGHT_INPUT, CELLWRIGHT_BLOCK),
    series("c", CELLWRIGHT_STATE, CELLWRIGHT_TAPE),
    series("h", CELLWRIGHT_STATE, CELLWRIGHT_TAPE, 1),
    numbers("a", CELLWRIGHT_PARAM, H),
    series("drawn", CELLWRIGHT_VALUE, CELLWRIGHT_TAPE),
    series("product", CELLWRIGHT_VALUE, CELLWRIGHT_TAPE),
    series("c'", CELLWRIGHT_NEXT, CELLWRIGHT_TAPE),
    series("h'", CELLWRIGHT_NEXT, CELLWRIGHT_TAPE, 1),
    series("dy", CELLWRIGHT_ADJOINT_OUTPUT, CELLWRIGHT_BLOCK),
    series("dc'", CELLWRIGHT_ADJOINT_NEXT, CELLWRIGHT_STEP),
    series("dh'", CELLWRIGHT_ADJOINT_NEXT, CELLWRIGHT_STEP, 1),
    series("dc", CELLWRIGHT_ADJOINT_STATE, CELLWRIGHT_STEP),
    series("dh", CELLWRIGHT_ADJOINT_STATE, CELLWRIGHT_STEP, 1),
    series("dx", CELLWRIGHT_ADJOINT_INPUT, CELLWRIGHT_BLOCK),
    numbers("da", CELLWRIGHT_ADJOINT_PARAM, H),
    numbers("sum of da", CELLWRIGHT_VALUE, H),
    series("dc of the step", CELLWRIGHT_VALUE, CELLWRIGHT_BLOCK),
    series("dh of the step", CELLWRIGHT_VALUE, CELLWRIGHT_BLOCK),
};
constexpr std::array kTapedPhases = {
    cellwright_phase_info{drawTaped, "draw", CELLWRIGHT_FORWARD_BEFORE, 1, 1, 0, 0, 0},
    cellwright_phase_info{stepTaped, "step", CELLWRIGHT_FORWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{stepTapedBackward, "step back", CELLWRIGHT_BACKWARD_CORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{copyTapedInputAdjoint, "dx", CELLWRIGHT_BACKWARD_AFTER, 1, 0, 1, 0, 0},
    cellwright_phase_info{sumTaped, "sums", CELLWRIGHT_GRADIENT, H, 0, 0, 0, 0},
    cellwright_phase_info{finishTaped, "gradients", CELLWRIGHT_FINISH, 1, 0, 0, 0, 0},
};

//===-- Doubling ------------------------------------------------------------------------------===//

enum DoublingBuffer { kIn, kOut, kAdjoint, kInAdjoint };

void doubleForward(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) { at(b[kOut], row, i) = 2 * at(b[kIn], row, i); });
}
void doubleBackward(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call,
              [&](int64_t row, int i) { at(b[kInAdjoint], row, i) = 2 * at(b[kAdjoint], row, i); });
}

constexpr std::array kDoublingBuffers = {
    series("x", CELLWRIGHT_INPUT, CELLWRIGHT_BLOCK),
    series("y", CELLWRIGHT_OUTPUT, CELLWRIGHT_BLOCK),
    series("dy", CELLWRIGHT_ADJOINT_OUTPUT, CELLWRIGHT_BLOCK),
    series("dx", CELLWRIGHT_ADJOINT_INPUT, CELLWRIGHT_BLOCK),
};
constexpr std::array kDoublingPhases = {
    cellwright_phase_info{doubleForward, "double", CELLWRIGHT_FORWARD_BEFORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{doubleBackward, "double back", CELLWRIGHT_BACKWARD_BEFORE, 1, 0, 1, 0, 0},
};

//===-- Embedding -----------------------------------------------------------------------------===//

enum EmbeddingBuffer { kIndex, kTable, kColumn, kColumnAdjoint, kDTable, kSumTable };

void pick(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    int32_t symbol = static_cast<const int32_t *>(b[kIndex].data)[row];
    at(b[kColumn], row, i) = dense(b[kTable])[i * kSymbols + symbol];
  });
}

void sumTable(const cellwright_buffer *b, const cellwright_call *call) {
  forElements(call, [&](int64_t row, int i) {
    int32_t symbol = static_cast<const int32_t *>(b[kIndex].data)[row];
    dense(b[kSumTable])[i * kSymbols + symbol] += at(b[kColumnAdjoint], row, i);
  });
}

void finishTable(const cellwright_buffer *b, const cellwright_call *) {
  std::memcpy(b[kDTable].data, b[kSumTable].data, H * kSymbols * sizeof(double));
}

constexpr cellwright_vector_info kEmbeddingInput = {"k", kSymbols, 0, 1};
constexpr cellwright_param_info kEmbeddingParam = {"e", 2, H, kSymbols, 0, CELLWRIGHT_GLOROT, 0, 0};
constexpr std::array kEmbeddingBuffers = {
    cellwright_buffer_info{"k", CELLWRIGHT_INPUT, CELLWRIGHT_TAPE, 0, 0, 0, 0},
    numbers("e", CELLWRIGHT_PARAM, H *kSymbols),
    series("y", CELLWRIGHT_OUTPUT, CELLWRIGHT_BLOCK),
    series("dy", CELLWRIGHT_ADJOINT_OUTPUT, CELLWRIGHT_BLOCK),
    numbers("de", CELLWRIGHT_ADJOINT_PARAM, H *kSymbols),
    numbers("sum of de", CELLWRIGHT_VALUE, H *kSymbols),
};
constexpr std::array kEmbeddingPhases = {
    cellwright_phase_info{pick, "pick", CELLWRIGHT_FORWARD_BEFORE, 1, 0, 0, 0, 0},
    cellwright_phase_info{sumTable, "sums", CELLWRIGHT_GRADIENT, 1, 0, 0, 0, 0},
    cellwright_phase_info{finishTable, "gradients", CELLWRIGHT_FINISH, 1, 0, 0, 0, 0},
};

//===-- Kernels -------------------------------------------------------------------------------===//

template <typename Buffers, typename Phases>
constexpr cellwright_kernel kernelOf(const char *name, const cellwright_vector_info *inputs,
                                     int inputCount, const cellwright_param_info *param,
                                     const Buffers &buffers, const Phases &phases, bool hasState,
                                     bool isStateGiven) {
  cellwright_kernel kernel = {};
  kernel.abi_version = CELLWRIGHT_ABI_VERSION;
  kernel.type = CELLWRIGHT_F64;
  kernel.width = kLeakyWidth;
  kernel.name = name;
  kernel.input_count = inputCount;
  kernel.inputs = inputs;
  kernel.state_count = hasState;
  kernel.states = &kLeakyState;
  kernel.param_count = param != nullptr;
  kernel.params = param;
  kernel.buffer_count = static_cast<int32_t>(buffers.size());
  kernel.buffers = buffers.data();
  kernel.phase_count = static_cast<int32_t>(phases.size());
  kernel.phases = phases.data();
  kernel.output_size = H;
  kernel.output_state = isStateGiven ? 0 : -1;
  kernel.has_backward = 1;
  return kernel;
}

constexpr cellwright_kernel kLeaky = kernelOf("leaky", kLeakyInputs.data(), 2, &kLeakyParam,
                                              kLeakyBuffers, kLeakyPhases, true, false);
constexpr cellwright_kernel kPlain = kernelOf("plain", kLeakyInputs.data(), 1, &kLeakyParam,
                                              kLeakyBuffers, kPlainPhases, true, true);
constexpr cellwright_kernel makeTaped() {
  cellwright_kernel kernel = kernelOf("taped", kLeakyInputs.data(), 1, &kLeakyParam, kTapedBuffers,
                                      kTapedPhases, true, true);
  kernel.state_count = kTapedStates.size();
  kernel.states = kTapedStates.data();
  kernel.output_state = 1;
  return kernel;
}
constexpr cellwright_kernel kTaped = makeTaped();
constexpr cellwright_kernel kDoubling = kernelOf("double", kLeakyInputs.data(), 1, nullptr,
                                                 kDoublingBuffers, kDoublingPhases, false, false);
constexpr cellwright_kernel kEmbedding =
    kernelOf("embedding", &kEmbeddingInput, 1, &kEmbeddingParam, kEmbeddingBuffers,
             kEmbeddingPhases, false, false);

} // namespace

const cellwright_kernel &leakyKernel() { return kLeaky; }
const cellwright_kernel &plainLeakyKernel() { return kPlain; }
const cellwright_kernel &tapedKernel() { return kTaped; }
const cellwright_kernel &doublingKernel() { return kDoubling; }
const cellwright_kernel &embeddingKernel() { return kEmbedding; }

} // namespace cellwright::test
