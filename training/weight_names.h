// How frameworks and we name the tensors of a network's layers and directions: rows of
// weight_layouts.cpp's table of frameworks.
#pragma once

#include "training/weight_layouts.h"

namespace cellwright {

using TensorPlaces = std::vector<std::optional<TensorPlace>>;

// nn.LSTM: `weight_ih_l0`, `weight_ih_l0_reverse`; nn.LSTMCell: `weight_ih`, which is layer 0.
TensorPlaces locatePytorch(std::span<const std::string> names);
std::string namePytorch(const WeightLayout &layout, const NetworkShape &shape,
                        const TensorPlace &place);

// Paths of variables: `sequential/lstm_1/lstm_cell/kernel`; Keras 2 adds `:0`. Layers are in the
// order of the numbers behind their names, `lstm`, `lstm_1`, `lstm_2`.
TensorPlaces locateKeras(std::span<const std::string> names);
std::string nameKeras(const WeightLayout &layout, const NetworkShape &shape,
                      const TensorPlace &place);

// As in checkpoints of `train lm`; a network of one cell has no `layer0.`, which is what `run`
// reads.
TensorPlaces locateOurs(std::span<const std::string> names);
std::string nameOurs(const WeightLayout &layout, const NetworkShape &shape,
                     const TensorPlace &place);

inline constexpr NamingScheme kPytorchNaming = {
    locatePytorch, namePytorch, "weight_ih_l0, weight_ih_l0_reverse, weight_ih_l1, ..."};
inline constexpr NamingScheme kKerasNaming = {
    locateKeras, nameKeras,
    "bidirectional/forward_lstm/lstm_cell/kernel, bidirectional/backward_lstm/lstm_cell/kernel, "
    "bidirectional_1/forward_lstm_1/lstm_cell/kernel, ..."};
inline constexpr NamingScheme kOurNaming = {
    locateOurs, nameOurs,
    "param.layer0.W_i_x, param.layer0.reversed.W_i_x, param.layer1.W_i_x, ..."};

} // namespace cellwright
