// See convert_weights.h. All numbers are widened to one type first; then pieces are copied, and
// biases added, within it.
#include "training/convert_weights.h"

#include "runtime/error.h"
#include "training/cell_tensors.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace cellwright {

static std::string describe(const WeightLayout &layout) {
  return fmt::format("{}'s {}", layout.framework, layout.module);
}

static std::vector<Sizes> sizesOf(const auto &cells) {
  std::vector<Sizes> sizes;
  for (const auto &cell : cells)
    sizes.push_back(cell.sizes);
  return sizes;
}

//===-- Numbers -------------------------------------------------------------------------------===//

/// The type of all weights of a network: F64 if one of them is.
static TensorType commonType(const FoundTensors &found) {
  for (const CellTensors &cell : found.cells)
    for (const Tensor *tensor : cell.tensors)
      if (tensor && tensor->type == TensorType::F64)
        return TensorType::F64;
  return TensorType::F32;
}

/// The same numbers in a type that has all of them.
static Tensor widen(const Tensor &tensor, TensorType type) {
  if (tensor.type == type)
    return tensor;
  if (type == TensorType::F64)
    return makeTensor(tensor.name, tensor.shape, std::span<const double>(toDoubles(tensor)));
  return makeTensor(tensor.name, tensor.shape, std::span<const float>(toFloats(tensor)));
}

static Tensor makeZeros(std::string name, TensorType type, std::vector<int64_t> shape) {
  Tensor tensor{std::move(name), type, std::move(shape), {}};
  tensor.data.resize(static_cast<size_t>(tensor.elements() * tensorTypeBytes(type)));
  return tensor;
}

/// Calls `copy(our, their)` with the byte offsets of each element of a piece.
static void forEachElement(const WeightPiece &piece, size_t bytes, const auto &copy) {
  for (int64_t row = 0; row < piece.rows; ++row)
    for (int64_t column = 0; column < piece.columns; ++column)
      copy(static_cast<size_t>(row * piece.columns + column) * bytes,
           static_cast<size_t>(piece.first + row * piece.rowStride + column * piece.columnStride) *
               bytes);
}

/// Adds a number in place. Zero changes nothing, so that what `formatTheirWeights` splits comes
/// back with the same bits, a negative zero's included.
template <typename Number> static void addNumber(std::byte *sum, const std::byte *addend) {
  Number a, b;
  std::memcpy(&a, sum, sizeof a);
  std::memcpy(&b, addend, sizeof b);
  if (b == 0)
    return;
  a += b;
  std::memcpy(sum, &a, sizeof a);
}

static void copyIn(const WeightPiece &piece, const Tensor &theirs, Tensor &ours) {
  auto bytes = static_cast<size_t>(tensorTypeBytes(theirs.type));
  forEachElement(piece, bytes, [&](size_t our, size_t their) {
    std::byte *to = ours.data.data() + our;
    const std::byte *from = theirs.data.data() + their;
    if (!piece.isAddend)
      std::memcpy(to, from, bytes);
    else if (theirs.type == TensorType::F64)
      addNumber<double>(to, from);
    else
      addNumber<float>(to, from);
  });
}

static void copyOut(const WeightPiece &piece, const Tensor &ours, Tensor &theirs) {
  auto bytes = static_cast<size_t>(tensorTypeBytes(ours.type));
  forEachElement(piece, bytes, [&](size_t our, size_t their) {
    std::memcpy(theirs.data.data() + their, ours.data.data() + our, bytes);
  });
}

//===-- Reading -------------------------------------------------------------------------------===//

static CellWeights takeTheirCell(const CellTensors &cell, const WeightLayout &layout,
                                 TensorType type) {
  std::vector<TensorForm> forms = theirForms(layout);
  std::vector<Tensor> theirs;
  for (size_t i = 0; i < forms.size(); ++i)
    theirs.push_back(cell.tensors[i] ? widen(*cell.tensors[i], type)
                                     : makeZeros("", type, shapeOf(forms[i], cell.sizes)));
  CellWeights weights{cell.sizes, {}};
  for (const TensorForm &form : ourForms(layout))
    weights.params.push_back(makeZeros(std::string(form.key), type, shapeOf(form, cell.sizes)));
  for (const WeightPiece &piece : weightPieces(layout, cell.sizes))
    copyIn(piece, theirs[piece.theirs], weights.params[piece.ours]);
  return weights;
}

static CellWeights takeOurCell(const CellTensors &cell, const WeightLayout &layout,
                               TensorType type) {
  CellWeights weights{cell.sizes, {}};
  std::vector<TensorForm> forms = ourForms(layout);
  for (size_t i = 0; i < forms.size(); ++i) {
    weights.params.push_back(widen(*cell.tensors[i], type));
    weights.params.back().name = forms[i].key;
  }
  return weights;
}

static NetworkWeights readWeights(const TensorFile &file, const TensorSearch &search,
                                  CellWeights (*take)(const CellTensors &, const WeightLayout &,
                                                      TensorType)) {
  FoundTensors found = findCellTensors(file, search);
  NetworkWeights weights{found.shape, {}, std::move(found.leftOut)};
  TensorType type = commonType(found);
  for (const CellTensors &cell : found.cells)
    weights.cells.push_back(take(cell, search.layout, type));
  return weights;
}

NetworkWeights readTheirWeights(const TensorFile &file, const std::string &path,
                                const WeightLayout &layout, const WeightSelection &selection) {
  const FrameworkLayout &framework = frameworkOf(layout.framework);
  TensorSearch search{.path = path,
                      .what = describe(layout),
                      .layout = layout,
                      .naming = framework.naming,
                      .forms = theirForms(layout),
                      .canLackBiases = true,
                      .prefix = selection.prefix,
                      .layer = selection.layer,
                      .isReversed = selection.isReversed};
  NetworkWeights weights = readWeights(file, search, takeTheirCell);
  if (framework.isOneModule)
    checkOneModule(weights.shape, sizesOf(weights.cells),
                   fmt::format("`{}` is no {}", path, describe(layout)));
  return weights;
}

NetworkWeights readOurWeights(const TensorFile &file, const std::string &path,
                              const WeightLayout &layout, const WeightSelection &selection) {
  TensorSearch search{.path = path,
                      .what = fmt::format("`{}`", layout.cell),
                      .layout = layout,
                      .naming = ourNaming(),
                      .forms = ourForms(layout),
                      .canLackBiases = false,
                      .prefix = "",
                      .layer = selection.layer,
                      .isReversed = selection.isReversed};
  return readWeights(file, search, takeOurCell);
}

//===-- Writing -------------------------------------------------------------------------------===//

/// Calls `add(place, cell)` for each cell; the place's key is empty.
static void forEachCell(const NetworkWeights &weights, const auto &add) {
  size_t directions = weights.shape.isBidirectional ? 2 : 1;
  for (size_t i = 0; i < weights.cells.size(); ++i)
    add(TensorPlace{static_cast<int64_t>(i / directions), i % directions == 1, "", "", ""},
        weights.cells[i]);
}

TensorFile formatTheirWeights(const NetworkWeights &weights, const WeightLayout &layout,
                              const std::string &prefix) {
  const FrameworkLayout &framework = frameworkOf(layout.framework);
  if (framework.isOneModule)
    checkOneModule(weights.shape, sizesOf(weights.cells),
                   fmt::format("this cannot be {}", describe(layout)));
  TensorFile file;
  forEachCell(weights, [&](TensorPlace place, const CellWeights &cell) {
    std::vector<Tensor> theirs;
    for (const TensorForm &form : theirForms(layout)) {
      place.key = form.key;
      theirs.push_back(makeZeros(prefix + framework.naming.nameOf(layout, weights.shape, place),
                                 cell.params[0].type, shapeOf(form, cell.sizes)));
    }
    for (const WeightPiece &piece : weightPieces(layout, cell.sizes))
      if (!piece.isAddend)
        copyOut(piece, cell.params[piece.ours], theirs[piece.theirs]);
    std::move(theirs.begin(), theirs.end(), std::back_inserter(file.tensors));
  });
  return file;
}

TensorFile formatOurWeights(const NetworkWeights &weights, const WeightLayout &layout) {
  TensorFile file;
  forEachCell(weights, [&](TensorPlace place, const CellWeights &cell) {
    for (const Tensor &param : cell.params) {
      place.key = param.name;
      file.tensors.push_back(param);
      file.tensors.back().name = ourNaming().nameOf(layout, weights.shape, place);
    }
  });
  return file;
}

} // namespace cellwright
