// Where the weights of our cells stand in other frameworks' files: one row of a table per framework
// and cell, one row per framework. What one gets wrong: a recurrent bias that is outside of every
// gate's product is added to the other one on the way in, and is zero on the way out; only where a
// cell has a parameter of its own for it, both are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// A gate of a cell: its name there, and our parameters.
struct GateLayout {
  std::string_view theirs;
  std::string_view input;              // [H, I]
  std::string_view recurrent;          // [H, H], with a projection [H, P]
  std::string_view bias;               // [H]
  std::string_view recurrentBias = {}; // [H], where the recurrent bias is not added to the bias
};

/// A cell in a framework.
struct WeightLayout {
  std::string_view framework;
  std::string_view cell;             // ours, of the same equations
  std::string_view module;           // theirs, with the settings that it needs: `nn.LSTM`
  std::string_view layerName;        // how the framework names such a layer, where it has names
  std::span<const GateLayout> gates; // in the order in which they stand in its tensors
  bool hasBiasRows = false;          // one bias tensor of two rows: the input's and the recurrent
  std::string_view projection = {};  // our parameter [P, H], if there is one
};

/// Which cell of a network a tensor belongs to, and what it is in it.
struct TensorPlace {
  int64_t layer = 0;
  bool isReversed = false;
  std::string key; // `weight_ih`, `kernel`, `W_i_x`
  // What stands before and behind the key in the tensor's name: `sequential/lstm/lstm_cell/`.
  std::string begin, end;
};

/// The network whose names are asked for.
struct NetworkShape {
  int64_t layers = 1;
  bool isBidirectional = false;
};

/// How tensors of a network are named.
struct NamingScheme {
  /// Places of all tensors; none for those that are no recurrent layer's. Throws Error if the order
  /// of layers cannot be told.
  std::vector<std::optional<TensorPlace>> (*locate)(std::span<const std::string> names);
  /// The name of the tensor at a place, of which `begin` and `end` are not read.
  std::string (*nameOf)(const WeightLayout &layout, const NetworkShape &shape,
                        const TensorPlace &place);
  std::string_view example; // names of a network of two layers in both directions
};

/// A framework: its tensors' names and how gates stand in them.
struct FrameworkLayout {
  std::string_view name;
  /// True: matrices are [inputs, gates x H], a gate is some columns. False: they are [gates x H,
  /// inputs], a gate is some rows, each as ours.
  bool isTransposed;
  /// True: a file holds one module, whose layers have one H and read each other.
  bool isOneModule;
  std::string_view input, recurrent, bias;
  std::string_view recurrentBias = {}; // the second bias, if it is a tensor of its own
  std::string_view projection = {};
  NamingScheme naming;
};

/// All rows, in the order in which they are listed.
std::span<const FrameworkLayout> frameworkLayouts();
std::span<const WeightLayout> weightLayouts();
/// Names of our own files: `param.W_i_x`, `param.layer0.W_i_x`, `param.layer0.reversed.W_i_x`.
const NamingScheme &ourNaming();

/// The row of a framework. Throws Error that lists them if there is none.
const FrameworkLayout &frameworkOf(std::string_view name);
/// The row of a cell in a framework. Throws Error that lists the framework's cells if there is
/// none.
const WeightLayout &layoutOf(std::string_view framework, std::string_view cell);

/// A size of a tensor: `4 H`.
struct Axis {
  int64_t factor = 1;
  char dimension = 0; // none: the factor is the size
};

/// A tensor that a cell needs.
struct TensorForm {
  std::string_view key;
  std::vector<Axis> axes;
  bool isBias = false;
};

/// Sizes of a cell by dimension: I, H, and P with a projection.
using Sizes = std::map<char, int64_t>;

/// The tensors of a cell in its framework, and our parameters for them, which are the same for all
/// frameworks.
std::vector<TensorForm> theirForms(const WeightLayout &layout);
std::vector<TensorForm> ourForms(const WeightLayout &layout);
/// `[4 H, I]`, and where all sizes are known ` = [16, 3]` behind it.
std::string formatForm(const TensorForm &form, const Sizes &sizes);
std::vector<int64_t> shapeOf(const TensorForm &form, const Sizes &sizes);

/// Where one of our parameters, row-major, stands in one of their tensors: element (row, column) at
/// `first + row * rowStride + column * columnStride`.
struct WeightPiece {
  size_t ours = 0, theirs = 0; // indices into the forms
  int64_t rows = 0, columns = 0;
  int64_t first = 0, rowStride = 0, columnStride = 0;
  bool isAddend = false; // added to what another piece gives; zero on the way out
};

/// All pieces of a cell: each of their elements is in exactly one.
std::vector<WeightPiece> weightPieces(const WeightLayout &layout, const Sizes &sizes);

} // namespace cellwright
