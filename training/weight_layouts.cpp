// See weight_layouts.h. Adding a cell is a row of kLayouts; adding a framework is a row of
// kFrameworks, its naming scheme in weight_names.cpp, and rows of kLayouts.
#include "training/weight_layouts.h"

#include "training/named_rows.h"
#include "training/weight_names.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace cellwright {

//===-- Tables --------------------------------------------------------------------------------===//

static constexpr std::array<FrameworkLayout, 2> kFrameworks = {{
    {.name = "pytorch",
     .isTransposed = false,
     .isOneModule = true,
     .input = "weight_ih",
     .recurrent = "weight_hh",
     .bias = "bias_ih",
     .recurrentBias = "bias_hh",
     .projection = "weight_hr",
     .naming = kPytorchNaming},
    {.name = "keras",
     .isTransposed = true,
     .isOneModule = false,
     .input = "kernel",
     .recurrent = "recurrent_kernel",
     .bias = "bias",
     .naming = kKerasNaming},
}};

// Gates in each framework's order. The update gate z keeps the state in all of these, h' = z h +
// (1 - z) n, as in our cells.
static constexpr std::array<GateLayout, 4> kPytorchLstm = {{{"i", "W_i_x", "W_i_h", "b_i"},
                                                            {"f", "W_f_x", "W_f_h", "b_f"},
                                                            {"g", "W_g_x", "W_g_h", "b_g"},
                                                            {"o", "W_o_x", "W_o_h", "b_o"}}};
static constexpr std::array<GateLayout, 4> kKerasLstm = {{{"i", "W_i_x", "W_i_h", "b_i"},
                                                          {"f", "W_f_x", "W_f_h", "b_f"},
                                                          {"c", "W_g_x", "W_g_h", "b_g"},
                                                          {"o", "W_o_x", "W_o_h", "b_o"}}};
static constexpr std::array<GateLayout, 3> kPytorchGru = {{{"r", "W_r_x", "W_r_h", "b_r"},
                                                           {"z", "W_z_x", "W_z_h", "b_z"},
                                                           {"n", "W_n_x", "W_n_h", "b_n", "b_hn"}}};
static constexpr std::array<GateLayout, 3> kKerasGruAfter = {
    {{"z", "W_z_x", "W_z_h", "b_z"},
     {"r", "W_r_x", "W_r_h", "b_r"},
     {"h", "W_n_x", "W_n_h", "b_n", "b_hn"}}};
static constexpr std::array<GateLayout, 3> kKerasGruBefore = {{{"z", "W_z_x", "W_z_h", "b_z"},
                                                               {"r", "W_r_x", "W_r_h", "b_r"},
                                                               {"h", "W_n_x", "W_n_2", "b_n"}}};
static constexpr std::array<GateLayout, 1> kElman = {{{"h", "W_h_x", "W_h_h", "b_h"}}};

static constexpr std::array<WeightLayout, 10> kLayouts = {{
    {"pytorch", "lstm", "nn.LSTM", "", kPytorchLstm},
    {"pytorch", "lstm_projection", "nn.LSTM(proj_size=P)", "", kPytorchLstm, false, "W_h_m"},
    {"pytorch", "gru_reset_after", "nn.GRU", "", kPytorchGru},
    {"pytorch", "elman", "nn.RNN", "", kElman},
    {"pytorch", "elman_relu", "nn.RNN(nonlinearity=\"relu\")", "", kElman},
    {"keras", "lstm", "LSTM", "lstm", kKerasLstm},
    {"keras", "gru_reset_after", "GRU", "gru", kKerasGruAfter, true},
    {"keras", "gru", "GRU(reset_after=False)", "gru", kKerasGruBefore},
    {"keras", "elman", "SimpleRNN", "simple_rnn", kElman},
    {"keras", "elman_relu", "SimpleRNN(activation=\"relu\")", "simple_rnn", kElman},
}};

std::span<const FrameworkLayout> frameworkLayouts() { return kFrameworks; }
std::span<const WeightLayout> weightLayouts() { return kLayouts; }
const NamingScheme &ourNaming() { return kOurNaming; }

const FrameworkLayout &frameworkOf(std::string_view name) {
  return findNamed(kFrameworks, name, "framework");
}

const WeightLayout &layoutOf(std::string_view framework, std::string_view cell) {
  std::vector<std::string> known;
  for (const WeightLayout &layout : kLayouts) {
    if (layout.framework != framework)
      continue;
    if (layout.cell == cell)
      return layout;
    known.push_back(fmt::format("{} ({})", layout.cell, layout.module));
  }
  throw Error(fmt::format("{} has no layer of the equations of `{}`; it has {}", framework, cell,
                          fmt::join(known, ", ")));
}

//===-- Forms ---------------------------------------------------------------------------------===//

/// The dimension of what is fed back.
static char recurrentDimension(const WeightLayout &layout) {
  return layout.projection.empty() ? 'H' : 'P';
}

std::vector<TensorForm> theirForms(const WeightLayout &layout) {
  const FrameworkLayout &framework = frameworkOf(layout.framework);
  auto gates = static_cast<int64_t>(layout.gates.size());
  auto matrix = [&](std::string_view key, Axis outputs, char inputs) {
    std::vector<Axis> axes = {outputs, {1, inputs}};
    if (framework.isTransposed)
      std::swap(axes[0], axes[1]);
    return TensorForm{key, axes};
  };
  std::vector<TensorForm> forms = {
      matrix(framework.input, {gates, 'H'}, 'I'),
      matrix(framework.recurrent, {gates, 'H'}, recurrentDimension(layout))};
  std::vector<Axis> biasAxes = {{gates, 'H'}};
  if (layout.hasBiasRows)
    biasAxes.insert(biasAxes.begin(), Axis{2});
  forms.push_back({framework.bias, biasAxes, true});
  if (!framework.recurrentBias.empty())
    forms.push_back({framework.recurrentBias, biasAxes, true});
  if (!layout.projection.empty())
    forms.push_back(matrix(framework.projection, {1, 'P'}, 'H'));
  return forms;
}

std::vector<TensorForm> ourForms(const WeightLayout &layout) {
  std::vector<TensorForm> forms;
  for (const GateLayout &gate : layout.gates) {
    forms.push_back({gate.input, {{1, 'H'}, {1, 'I'}}});
    forms.push_back({gate.recurrent, {{1, 'H'}, {1, recurrentDimension(layout)}}});
    forms.push_back({gate.bias, {{1, 'H'}}});
    if (!gate.recurrentBias.empty())
      forms.push_back({gate.recurrentBias, {{1, 'H'}}});
  }
  if (!layout.projection.empty())
    forms.push_back({layout.projection, {{1, 'P'}, {1, 'H'}}});
  // The same order whatever the gates' is, so that one framework's row can follow another's.
  std::ranges::sort(forms, {}, &TensorForm::key);
  return forms;
}

std::vector<int64_t> shapeOf(const TensorForm &form, const Sizes &sizes) {
  std::vector<int64_t> shape;
  for (const Axis &axis : form.axes)
    shape.push_back(axis.dimension ? axis.factor * sizes.at(axis.dimension) : axis.factor);
  return shape;
}

std::string formatForm(const TensorForm &form, const Sizes &sizes) {
  std::vector<std::string> axes;
  bool isKnown = true;
  for (const Axis &axis : form.axes) {
    isKnown &= axis.dimension == 0 || sizes.contains(axis.dimension);
    axes.push_back(axis.dimension == 0 ? fmt::format("{}", axis.factor)
                   : axis.factor == 1  ? std::string(1, axis.dimension)
                                       : fmt::format("{} {}", axis.factor, axis.dimension));
  }
  std::string text = fmt::format("[{}]", fmt::join(axes, ", "));
  if (isKnown)
    text += fmt::format(" = [{}]", fmt::join(shapeOf(form, sizes), ", "));
  return text;
}

//===-- Pieces --------------------------------------------------------------------------------===//

namespace {

/// Collects the pieces of a cell.
class PieceList {
public:
  PieceList(const WeightLayout &layout, const Sizes &sizes)
      : layout(layout), framework(frameworkOf(layout.framework)), sizes(sizes),
        theirs(theirForms(layout)), ours(ourForms(layout)),
        width(static_cast<int64_t>(layout.gates.size()) * sizes.at('H')) {}

  std::vector<WeightPiece> collect() {
    int64_t H = sizes.at('H');
    for (size_t g = 0; g < layout.gates.size(); ++g) {
      const GateLayout &gate = layout.gates[g];
      int64_t begin = static_cast<int64_t>(g) * H;
      addMatrix(gate.input, framework.input, begin, width);
      addMatrix(gate.recurrent, framework.recurrent, begin, width);
      addVector(gate.bias, framework.bias, begin, false);
      bool isApart = !gate.recurrentBias.empty();
      std::string_view second = isApart ? gate.recurrentBias : gate.bias;
      if (layout.hasBiasRows)
        addVector(second, framework.bias, width + begin, !isApart);
      else if (!framework.recurrentBias.empty())
        addVector(second, framework.recurrentBias, begin, !isApart);
    }
    if (!layout.projection.empty())
      addMatrix(layout.projection, framework.projection, 0, sizes.at('P'));
    return std::move(pieces);
  }

private:
  static size_t find(const std::vector<TensorForm> &forms, std::string_view key) {
    auto found = std::find_if(forms.begin(), forms.end(),
                              [&](const TensorForm &form) { return form.key == key; });
    assert(found != forms.end());
    return static_cast<size_t>(found - forms.begin());
  }

  /// A matrix of ours whose first row is row `begin` of the `outputs` of theirs.
  void addMatrix(std::string_view our, std::string_view their, int64_t begin, int64_t outputs) {
    WeightPiece piece{find(ours, our), find(theirs, their)};
    std::vector<int64_t> shape = shapeOf(ours[piece.ours], sizes);
    piece.rows = shape[0];
    piece.columns = shape[1];
    piece.rowStride = framework.isTransposed ? 1 : piece.columns;
    piece.columnStride = framework.isTransposed ? outputs : 1;
    piece.first = begin * piece.rowStride;
    pieces.push_back(piece);
  }

  void addVector(std::string_view our, std::string_view their, int64_t first, bool isAddend) {
    WeightPiece piece{find(ours, our), find(theirs, their)};
    piece.rows = sizes.at('H');
    piece.columns = piece.rowStride = piece.columnStride = 1;
    piece.first = first;
    piece.isAddend = isAddend;
    pieces.push_back(piece);
  }

  const WeightLayout &layout;
  const FrameworkLayout &framework;
  const Sizes &sizes;
  std::vector<TensorForm> theirs, ours;
  int64_t width; // of all gates together
  std::vector<WeightPiece> pieces;
};

} // namespace

std::vector<WeightPiece> weightPieces(const WeightLayout &layout, const Sizes &sizes) {
  return PieceList(layout, sizes).collect();
}

} // namespace cellwright
