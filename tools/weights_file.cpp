// See weights_file.h.
#include "tools/weights_file.h"

#include "dsl/analysis.h"
#include "dsl/suggest.h"
#include "fmt/ranges.h"
#include "tools/command.h"
#include "training/tensor_files.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace cellwright {

static constexpr std::string_view kParam = "param.", kLayer = "param.layer";

/// The number of the layer that a tensor of a checkpoint belongs to.
static std::optional<int64_t> layerOf(std::string_view name) {
  if (!name.starts_with(kLayer))
    return std::nullopt;
  name.remove_prefix(kLayer.size());
  int64_t layer = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  bool isLayer = error == std::errc() && end != name.data() + name.size() && *end == '.';
  return isLayer ? std::optional(layer) : std::nullopt;
}

/// The layer to take, of those that a file has.
static int64_t chooseLayer(const std::string &path, const std::set<int64_t> &layers,
                           std::optional<int64_t> wanted) {
  CELLWRIGHT_CHECK(!wanted || layers.contains(*wanted), "{}: it has no layer {}, but {}", path,
                   wanted.value_or(0), fmt::join(layers, ", "));
  if (!wanted && layers.size() > 1)
    throw UsageError(fmt::format("{}: it has layers {}; choose one with --layer", path,
                                 fmt::join(layers, ", ")));
  return wanted.value_or(*layers.begin());
}

WeightsFile::WeightsFile(std::string file, std::optional<int64_t> layer) : path(std::move(file)) {
  TensorFile all = readTensorFile(path);
  std::set<int64_t> layers;
  bool hasParams = false;
  for (const Tensor &tensor : all.tensors) {
    hasParams |= tensor.name.starts_with(kParam);
    if (auto number = layerOf(tensor.name))
      layers.insert(*number);
  }
  if (layer && layers.empty())
    throw UsageError(fmt::format("{}: it has no layers; leave --layer out", path));
  std::string prefix(hasParams ? kParam : "");
  if (!layers.empty())
    prefix = fmt::format("{}{}.", kLayer, chooseLayer(path, layers, layer));
  for (Tensor &tensor : all.tensors) {
    if (!tensor.name.starts_with(prefix))
      continue;
    tensor.name.erase(0, prefix.size());
    tensors.push_back(std::move(tensor));
  }
}

const Tensor *WeightsFile::find(const Param &param) const {
  auto it = std::find_if(tensors.begin(), tensors.end(),
                         [&](const Tensor &tensor) { return param.name == tensor.name; });
  return it == tensors.end() ? nullptr : &*it;
}

/// Axes with numbers; a scalar may stand as one element.
static std::vector<int64_t> shapeWith(const Shape &shape, const Bound &bound) {
  std::vector<int64_t> numbers;
  if (shape.rank > 0)
    numbers.push_back(bound.rows(shape));
  if (shape.rank > 1)
    numbers.push_back(bound.columns(shape));
  return numbers;
}

std::vector<std::string> WeightsFile::problemsOfNames(const Cell &cell) const {
  std::vector<std::string> problems;
  for (const Param &param : cell.params)
    if (!find(param))
      problems.push_back(fmt::format("it lacks `{}` {}", std::string_view(param.name),
                                     std::string_view(shapeText(cell, param.shape))));
  SuggestionBudget budget;
  for (const Tensor &tensor : tensors) {
    Suggestion suggestion(tensor.name, budget);
    bool isKnown = false;
    for (const Param &param : cell.params) {
      isKnown |= param.name == tensor.name;
      suggestion.consider(param.name);
    }
    if (!isKnown)
      problems.push_back(fmt::format("`{}` has no parameter `{}`{}", std::string_view(cell.name),
                                     tensor.name, std::string_view(suggestion.text())));
    else if (isIntegerType(tensor.type) || tensor.type == TensorType::Bool)
      problems.push_back(fmt::format("`{}` has type {}, expected F64, F32, F16 or BF16",
                                     tensor.name, tensorTypeName(tensor.type)));
  }
  return problems;
}

std::vector<std::string> WeightsFile::problemsOfShapes(const Cell &cell, const Bound &bound) const {
  std::vector<std::string> problems;
  for (const Param &param : cell.params) {
    const Tensor *tensor = find(param);
    std::vector<int64_t> expected = shapeWith(param.shape, bound);
    bool isScalar = param.shape.rank == 0 && tensor && tensor->shape == std::vector<int64_t>{1};
    if (tensor && tensor->shape != expected && !isScalar)
      problems.push_back(fmt::format("`{}` has shape {}, expected {}", tensor->name,
                                     formatShape(tensor->shape), formatShape(expected)));
  }
  return problems;
}

std::optional<Bound> WeightsFile::bind(const FoundCell &found) const {
  const Cell &cell = found.cell();
  std::vector<std::string> problems = problemsOfNames(cell);
  std::vector<SizeFact> facts = dimensionFacts(found);
  Diagnostics openOnes;
  std::optional<Bound> bound = bindCell(cell, facts, openOnes);
  if (!bound && problems.empty()) {
    Diagnostics ignored; // what has another rank is said below, with the sizes of the others
    for (const Param &param : cell.params) {
      const Tensor &tensor = *find(param);
      addTensorFacts(param.shape, tensor.shape, tensor.name, facts, ignored);
    }
    bound = bindOrExplain(cell, found.sources(), facts);
    if (!bound)
      return std::nullopt;
  }
  if (bound)
    for (std::string &problem : problemsOfShapes(cell, *bound))
      problems.push_back(std::move(problem));
  if (problems.empty())
    return bound;
  constexpr size_t kNamed = 20;
  size_t count = problems.size();
  problems.resize(std::min(count, kNamed));
  throw Error(fmt::format("{}: {}{}", path, fmt::join(problems, "; "),
                          count > kNamed ? fmt::format("; and {} more", count - kNamed) : ""));
}

std::vector<std::vector<std::byte>> WeightsFile::read(const Cell &cell, bool isDouble) const {
  std::vector<std::vector<std::byte>> weights;
  auto add = [&](const auto &numbers) {
    auto bytes = reinterpret_cast<const std::byte *>(numbers.data());
    weights.emplace_back(bytes, bytes + numbers.size() * sizeof numbers[0]);
  };
  for (const Param &param : cell.params)
    if (isDouble)
      add(toDoubles(*find(param)));
    else
      add(toFloats(*find(param)));
  return weights;
}

} // namespace cellwright
