// See weight_names.h.
#include "training/weight_names.h"

#include "runtime/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace cellwright {

/// Reads a number that is all of the text, as the frameworks write it: no sign, no leading zero.
static std::optional<int64_t> parseNumber(std::string_view text) {
  int64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool isGood = problem == std::errc() && end == text.data() + text.size() && text.front() != '-' &&
                (text.front() != '0' || text.size() == 1);
  return isGood ? std::optional(number) : std::nullopt;
}

/// Takes `ending` off the end of `text`; false if it is not there.
static bool takeEnd(std::string_view &text, std::string_view ending) {
  if (!text.ends_with(ending))
    return false;
  text.remove_suffix(ending.size());
  return true;
}

static TensorPlaces locateEach(std::span<const std::string> names,
                               std::optional<TensorPlace> (*locate)(std::string_view)) {
  TensorPlaces places;
  for (const std::string &name : names)
    places.push_back(locate(name));
  return places;
}

//===-- PyTorch -------------------------------------------------------------------------------===//

static std::optional<TensorPlace> locatePytorchTensor(std::string_view name) {
  constexpr std::array<std::string_view, 5> kKeys = {"weight_ih", "weight_hh", "bias_ih", "bias_hh",
                                                     "weight_hr"};
  auto key = std::find_if(kKeys.begin(), kKeys.end(),
                          [&](std::string_view candidate) { return name.starts_with(candidate); });
  if (key == kKeys.end())
    return std::nullopt;
  std::string_view ending = name.substr(key->size()), rest = ending;
  TensorPlace place{0, false, std::string(*key), "", std::string(ending)};
  if (rest.empty())
    return place;
  place.isReversed = takeEnd(rest, "_reverse");
  std::optional<int64_t> layer =
      rest.starts_with("_l") && rest.size() > 2 ? parseNumber(rest.substr(2)) : std::nullopt;
  if (!layer)
    return std::nullopt;
  place.layer = *layer;
  return place;
}

TensorPlaces locatePytorch(std::span<const std::string> names) {
  return locateEach(names, locatePytorchTensor);
}

std::string namePytorch(const WeightLayout &, const NetworkShape &, const TensorPlace &place) {
  return fmt::format("{}_l{}{}", place.key, place.layer, place.isReversed ? "_reverse" : "");
}

//===-- Keras ---------------------------------------------------------------------------------===//

namespace {

/// A path without its last part, `lstm_1/lstm_cell/`, and what it says.
struct KerasPath {
  std::string layer;  // the layer's own path without its number: `sequential/lstm`
  int64_t number = 0; // `lstm_1`
  bool isReversed = false;
  bool isCell = false; // ends with `lstm_cell`, so it is a recurrent layer's whatever it holds
};

} // namespace

/// Splits `lstm_1` into `lstm` and 1; a name without a number has 0.
static std::pair<std::string_view, int64_t> splitNumber(std::string_view name) {
  size_t place = name.rfind('_');
  if (place == std::string_view::npos || place + 1 == name.size())
    return {name, 0};
  std::optional<int64_t> number = parseNumber(name.substr(place + 1));
  return number ? std::pair(name.substr(0, place), *number) : std::pair(name, int64_t{0});
}

static KerasPath parsePath(std::string_view path) {
  KerasPath result;
  /// The last part of what is left of the path.
  auto last = [&] {
    return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  };
  auto drop = [&] {
    path.remove_suffix(last().size());
    takeEnd(path, "/");
  };
  takeEnd(path, "/");
  if (splitNumber(last()).first.ends_with("_cell")) {
    result.isCell = true;
    drop();
  }
  if (last().starts_with("forward_") || last().starts_with("backward_")) {
    result.isReversed = last().starts_with("backward_");
    drop();
  }
  auto [name, number] = splitNumber(last());
  result.number = number;
  result.layer = std::string(path.substr(0, path.size() - last().size())) + std::string(name);
  return result;
}

/// Splits a name at its key: path, key, and `:0` if it is there.
static std::optional<TensorPlace> splitKerasName(std::string_view name) {
  std::string_view ending = name.ends_with(":0") ? ":0" : "";
  takeEnd(name, ending);
  size_t slash = name.rfind('/');
  size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  std::string_view key = name.substr(begin);
  if (key != "kernel" && key != "recurrent_kernel" && key != "bias")
    return std::nullopt;
  return TensorPlace{0, false, std::string(key), std::string(name.substr(0, begin)),
                     std::string(ending)};
}

/// Dense layers have a kernel too; a recurrent one has a recurrent kernel, or its cell in the path.
static void dropOtherLayers(TensorPlaces &places) {
  std::map<std::string, bool> isRecurrent; // by path
  for (const auto &place : places)
    if (place)
      isRecurrent[place->begin] |=
          place->key == "recurrent_kernel" || parsePath(place->begin).isCell;
  for (auto &place : places)
    if (place && !isRecurrent[place->begin])
      place.reset();
}

TensorPlaces locateKeras(std::span<const std::string> names) {
  TensorPlaces places;
  for (const std::string &name : names)
    places.push_back(splitKerasName(name));
  dropOtherLayers(places);
  std::map<int64_t, int64_t> layers; // the number behind the name, and which layer it is
  std::optional<std::pair<std::string, std::string>> first; // a layer's path, and where from
  for (const auto &place : places) {
    if (!place)
      continue;
    KerasPath path = parsePath(place->begin);
    if (!first)
      first = {path.layer, place->begin};
    CELLWRIGHT_CHECK(path.layer == first->first,
                     "the layers `{}` and `{}` have no order; --prefix takes one of them",
                     first->second, place->begin);
    layers[path.number] = 0;
  }
  int64_t count = 0;
  for (auto &[number, layer] : layers)
    layer = count++;
  for (auto &place : places)
    if (place) {
      KerasPath path = parsePath(place->begin);
      place->layer = layers[path.number];
      place->isReversed = path.isReversed;
    }
  return places;
}

std::string nameKeras(const WeightLayout &layout, const NetworkShape &shape,
                      const TensorPlace &place) {
  std::string number = place.layer == 0 ? "" : fmt::format("_{}", place.layer);
  std::string layer = shape.isBidirectional ? fmt::format("bidirectional{}/{}_{}{}", number,
                                                          place.isReversed ? "backward" : "forward",
                                                          layout.layerName, number)
                                            : fmt::format("{}{}", layout.layerName, number);
  return fmt::format("{}/{}_cell/{}", layer, layout.layerName, place.key);
}

//===-- Ours ----------------------------------------------------------------------------------===//

static std::optional<TensorPlace> locateOurTensor(std::string_view name) {
  constexpr std::string_view kParam = "param.", kLayer = "layer", kReversed = "reversed.";
  if (!name.starts_with(kParam))
    return std::nullopt;
  std::string_view key = name.substr(kParam.size());
  TensorPlace place;
  size_t dot = key.find('.');
  if (key.starts_with(kLayer) && dot != std::string_view::npos && dot > kLayer.size()) {
    auto layer = parseNumber(key.substr(kLayer.size(), dot - kLayer.size()));
    if (!layer)
      return std::nullopt;
    place.layer = *layer;
    key.remove_prefix(dot + 1);
  }
  if (key.starts_with(kReversed)) {
    place.isReversed = true;
    key.remove_prefix(kReversed.size());
  }
  // Parameters have no dot in their names; other parts of a model do: `param.decoder.b_y`.
  if (key.empty() || key.find('.') != std::string_view::npos)
    return std::nullopt;
  place.key = key;
  place.begin = name.substr(0, name.size() - key.size());
  return place;
}

TensorPlaces locateOurs(std::span<const std::string> names) {
  return locateEach(names, locateOurTensor);
}

std::string nameOurs(const WeightLayout &, const NetworkShape &shape, const TensorPlace &place) {
  bool isOneCell = shape.layers == 1 && !shape.isBidirectional;
  std::string layer = isOneCell ? "" : fmt::format("layer{}.", place.layer);
  return fmt::format("param.{}{}{}", layer, place.isReversed ? "reversed." : "", place.key);
}

} // namespace cellwright
