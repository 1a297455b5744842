// See edge_cells.h.
#include "edge_cells.h"

namespace cellwright {

const std::vector<EdgeCell> &edgeCells() {
  static const std::vector<EdgeCell> kCells = {
      {"no products", "input x[H]; state h[H]; h' = tanh(h + x)"},
      {"no inputs", "state h[H]; h' = tanh(linear(h))"},
      {"no parameters", "input x[H]; state h[H]; h' = 0.5 * h + x"},
      {"no state", "input x[I]; output y[H] = tanh(linear(x))"},
      {"no state and no products", "input x[I]; output y = exp(x)"},
      {"an output of parameters alone",
       "input x[I]; state h[I]; h' = h + x; param p[K]; output y = p * p"},
      {"an output that is a parameter",
       "input x[I]; state h[I]; h' = h + x; param p[K]; output y = p"},
      {"an output of numbers alone",
       "input x[I]; state h[I]; h' = h + x; param p[K]; output y = p ^ 0 * 2"},
      {"an output that is an input", "input x[I]; state h[I]; h' = h + x; output y = x"},
      {"an output of inputs alone",
       "input x[I]; state h[H]; h' = tanh(linear(h)); output y = x * x"},
      {"an output that is the state before the step",
       "input x[H]; state h[H]; h' = h + x; output y = h"},
      {"an output that is an input per sequence",
       "input x[I]; input v[K] per sequence; state h[I]; h' = h + x; output y = v"},
      {"a state that is never read", "input x[H]; state h[H], c[H]; c' = x * h; h' = tanh(x)"},
      {"a state that takes an input", "input x[H]; state h[H]; h' = x"},
      {"a state that takes a parameter",
       "input x[H]; state h[H]; param p[H]; h' = p; output y = x * h"},
      {"a state that takes an input per sequence",
       "input v[H] per sequence; input x[H]; state h[H]; h' = v; output y = x * h"},
      {"a state that stays", "input x[H]; state h[H]; h' = h; output y = x * h"},
      {"two states that change places",
       "input x[H]; state h[H], c[H]; h' = c; c' = h; output y = x * h"},
      {"two states of the same value",
       "input x[H]; state h[H], c[H]; a = tanh(linear(x, h)); h' = a; c' = a; output y = c' * h"},
      {"an output that two states share",
       "input x[H]; state h[H], c[H]; a = tanh(x + h); h' = a; c' = a; output y = a"},
      {"per-sequence inputs only", "input v[H] per sequence; state h[H]; h' = tanh(linear(v, h))"},
      {"per-sequence work only",
       "input v[K] per sequence; input x[H]; state h[H]; s[H] = tanh(linear(v)) * sum(v); "
       "h' = 0.5 * h + s * x"},
      {"a reduction per sequence",
       "input v[K] per sequence; state h[H]; h' = 0.5 * h + sum(softmax(v) * v)"},
      {"a product of a mean",
       "input x[H]; state h[H]; param W[H, H]; h' = tanh(W @ (h * 0 + mean(h)) + x)"},
      {"reductions of reductions",
       "input x[H]; state h[H]; a = sum(x * sum(h) + softmax(h * norm2(x))); h' = tanh(h + a * x)"},
      {"a chain of scans and reductions",
       "input x[H]; state h[H]; a = cumsum(softmax(cumsum(h) - mean(h))); "
       "h' = layer_norm(a + x) * norm2(a)"},
      {"a scalar from step to step",
       "input x[H]; state h[H]; s = tanh(sum(h)); h' = 0.3 * x * s + 0.1 * s"},
      {"a vector of one from the whole", "input x[H]; state c[1]; c' = tanh(c * sum(x) + x[0:1])"},
      {"products of matrices of parameters",
       "input x[I]; state h[H]; param A[H, K], B[K, H], s; h' = tanh((A @ B - (A @ B).T) @ h + "
       "linear(x) * exp(s))"},
      {"parameters alone, all kinds",
       "input x[H]; state h[H]; param u[H], W[H, H]; n = u / (0.1 + norm2(u)); "
       "h' = tanh((softplus(W) - W.T) @ h + softmax(W @ n) * x + cumsum(u)[0:H])"},
      {"one matrix for two operands",
       "input x[H]; state h[H]; param W[H, H]; h' = tanh(W @ x + W @ h + W.T @ h)"},
      {"one operand for one accumulator twice",
       "input x[H]; state h[H]; param W[H, H], U[H, H]; h' = tanh(W @ h + U @ h + x)"},
      {"windows within panels and across",
       "input x[2 * H]; state h[H]; h' = tanh(concat(h[1:H], x[0:1]) * x[H:2 * H] + x[1:H + 1])"},
      {"a window of what a product makes",
       "input x[I]; state h[H]; a[2 * H] = linear(x, h); h' = tanh(a[0:H] * sigmoid(a[H:2 * H]))"},
      {"a frozen parameter in the recurrence",
       "input x[H]; state h[H]; param W[H, H] frozen, p[H] frozen; h' = tanh(W @ h * p + x)"},
      {"a matrix that is frozen in a product of matrices",
       "input x[H]; state h[H]; param W[H, H] frozen, V[H, H]; h' = tanh((W @ V) @ h + x)"},
      {"nothing has a gradient", "input x[H]; state h[H]; h' = step(x)"},
      {"an index in a product", "input x[K]; state h[H]; h' = tanh(linear(x, h))", {"x"}},
      {"an index in several products",
       "input x[K]; state h[H]; a = sigmoid(linear(x, h)); h' = tanh(linear(x, a * h)) * a",
       {"x"}},
      {"an index and no state", "input x[K]; output y[H] = linear(x, bias = false)", {"x"}},
      {"an index and nothing to train",
       "input x[K]; param W[H, K] frozen; output y = W @ x",
       {"x"}},
      {"an index element by element", "input x[K]; state h[K]; h' = tanh(h + x * 0.5)", {"x"}},
      {"an index in windows",
       "input x[K + 1]; state h[K]; h' = tanh(h + x[1:K + 1] - x[0:K])",
       {"x"}},
      {"an index in a reduction",
       "input x[K]; state h[H]; param p[K]; h' = tanh(h * sum(x * p) + sum(max(x, 0)))",
       {"x"}},
      {"an index that is a state", "input x[K]; state h[K]; h' = x; output y = h * h'", {"x"}},
      {"an index per sequence",
       "input x[K] per sequence; state h[H]; h' = tanh(linear(x, h))",
       {"x"}},
      {"an index next to a vector",
       "input x[K], u[I]; state h[H]; h' = tanh(linear(x, u, h))",
       {"x"}},
  };
  return kCells;
}

TestCell cellOf(const EdgeCell &edge) {
  return cellOfText(std::string("cell edge {\n  ") + edge.body + "\n}\n");
}

} // namespace cellwright
