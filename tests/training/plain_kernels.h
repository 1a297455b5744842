// A small language model whose kernels are written by hand, for tests that need a model and no
// compiler: h' = tanh(W_h_x @ onehot(x) + W_h_h @ h + b_h) and y = W_y_h @ h + b_y. Its sizes are
// constants, because phases have no context. They are no multiples of the panel's width.
#pragma once

#include "training/language_model.h"

namespace cellwright {

inline constexpr int kPlainSymbols = 7;
inline constexpr int kPlainHidden = 10;
inline constexpr int kPlainWidth = 4;

/// The kernels; they live as long as the program.
SequenceModelKernels plainKernels();

} // namespace cellwright
