// See cell_tensors.h.
#include "training/cell_tensors.h"

#include "runtime/error.h"

#include <algorithm>
#include <set>

namespace cellwright {

static std::string quote(const std::string &name) { return fmt::format("`{}`", name); }

namespace {

/// Which cell of a network: forward before reversed within a layer.
using CellPlace = std::pair<int64_t, bool>;

struct PlacedTensor {
  TensorPlace place;
  const Tensor *tensor = nullptr;
};

class Search {
public:
  Search(const TensorFile &file, const TensorSearch &search) : file(file), search(search) {}

  FoundTensors find() {
    locate();
    select();
    FoundTensors found;
    found.shape = shapeOfNetwork();
    found.leftOut = std::move(leftOut);
    for (int64_t layer = 0; layer < found.shape.layers; ++layer)
      for (bool isSecond : {false, true})
        if (!isSecond || found.shape.isBidirectional)
          found.cells.push_back(takeCell(placeOf(layer, isSecond), found.shape));
    CELLWRIGHT_CHECK(problems.empty(), "`{}` does not hold {}:\n  {}", search.path, search.what,
                     listSome(problems, "\n  "));
    return found;
  }

private:
  //===-- Names -------------------------------------------------------------------------------===//

  void locate() {
    std::vector<std::string> names; // without the prefix
    std::vector<const Tensor *> tensors;
    for (const Tensor &tensor : file.tensors)
      if (tensor.name.starts_with(search.prefix)) {
        names.push_back(tensor.name.substr(search.prefix.size()));
        tensors.push_back(&tensor);
      } else {
        leftOut.push_back(tensor.name);
      }
    auto places = search.naming.locate(names);
    for (size_t i = 0; i < names.size(); ++i)
      if (places[i])
        cells[{places[i]->layer, places[i]->isReversed}].push_back({*places[i], tensors[i]});
      else
        leftOut.push_back(tensors[i]->name);
    if (cells.empty())
      failWithNothing();
  }

  [[noreturn]] void failWithNothing() const {
    std::string under =
        search.prefix.empty() ? "" : fmt::format(" under the prefix `{}`", search.prefix);
    std::vector<std::string> prefixes = otherPrefixes(), names;
    for (const Tensor &tensor : file.tensors)
      names.push_back(quote(tensor.name));
    throw Error(fmt::format(
        "`{}` has no weights of {}{}, such as `{}`; {}", search.path, search.what, under,
        search.naming.nameOf(search.layout, {},
                             {0, false, std::string(search.forms[0].key), "", ""}),
        !prefixes.empty()
            ? fmt::format("give --prefix; there are some under {}", listSome(prefixes, ", "))
            : fmt::format("it has {}", names.empty() ? "no tensors" : listSome(names, ", "))));
  }

  /// Beginnings of names, up to a dot, behind which there is a recurrent layer's tensor.
  std::vector<std::string> otherPrefixes() const {
    std::set<std::string> prefixes;
    for (const Tensor &tensor : file.tensors) {
      size_t dot = tensor.name.rfind('.');
      if (dot == std::string::npos)
        continue;
      std::string rest = tensor.name.substr(dot + 1);
      if (search.naming.locate({&rest, 1})[0])
        prefixes.insert(quote(tensor.name.substr(0, dot + 1)));
    }
    return {prefixes.begin(), prefixes.end()};
  }

  //===-- Layers and directions ---------------------------------------------------------------===//

  /// Leaves what was asked for. The layer and the direction that are chosen become the only ones.
  void select() {
    auto isWanted = [&](const CellPlace &place) {
      return place.first == search.layer.value_or(place.first) &&
             place.second == search.isReversed.value_or(place.second);
    };
    std::set<int64_t> layers;
    for (const auto &[place, tensors] : cells)
      layers.insert(place.first);
    std::erase_if(cells, [&](const auto &cell) { return !isWanted(cell.first); });
    CELLWRIGHT_CHECK(!search.layer || layers.contains(*search.layer),
                     "`{}` has no layer {}; it has {}", search.path, *search.layer,
                     fmt::join(layers, ", "));
    CELLWRIGHT_CHECK(!cells.empty(), "`{}` has no {} cell{}", search.path,
                     *search.isReversed ? "reversed" : "forward",
                     search.layer ? fmt::format(" in layer {}", *search.layer) : "");
  }

  NetworkShape shapeOfNetwork() const {
    NetworkShape shape;
    std::set<int64_t> layers;
    for (const auto &[place, tensors] : cells) {
      layers.insert(place.first);
      shape.isBidirectional |= place.second && !search.isReversed;
    }
    shape.layers = static_cast<int64_t>(layers.size());
    int64_t next = search.layer.value_or(0);
    for (int64_t layer : layers) {
      CELLWRIGHT_CHECK(layer == next, "`{}` has tensors of layer {}, but none of layer {}",
                       search.path, layer, next);
      ++next;
    }
    return shape;
  }

  CellPlace placeOf(int64_t layer, bool isSecond) const {
    return {layer + search.layer.value_or(0), isSecond || search.isReversed.value_or(false)};
  }

  //===-- One cell ----------------------------------------------------------------------------===//

  CellTensors takeCell(const CellPlace &place, const NetworkShape &shape) {
    CellTensors cell;
    cell.tensors.resize(search.forms.size());
    for (const PlacedTensor &placed : cells[place])
      sort(placed, cell);
    for (size_t i = 0; i < search.forms.size(); ++i)
      if (cell.tensors[i])
        measure(*cell.tensors[i], search.forms[i], cell.sizes);
    bool hasBias = false;
    for (size_t i = 0; i < search.forms.size(); ++i)
      hasBias |= search.forms[i].isBias && cell.tensors[i];
    for (size_t i = 0; i < search.forms.size(); ++i) {
      bool isNeeded = hasBias || !search.canLackBiases || !search.forms[i].isBias;
      if (!cell.tensors[i] && isNeeded)
        problems.push_back(fmt::format("missing `{}`, expected with shape {}",
                                       nameAt(place, shape, search.forms[i].key),
                                       formatForm(search.forms[i], cell.sizes)));
    }
    sizeFrom.clear();
    return cell;
  }

  /// Puts a tensor at the place of its key.
  void sort(const PlacedTensor &placed, CellTensors &cell) {
    auto form = std::find_if(search.forms.begin(), search.forms.end(),
                             [&](const TensorForm &f) { return f.key == placed.place.key; });
    if (form == search.forms.end()) {
      problems.push_back(
          fmt::format("`{}` is too much: the cell has no such tensor", placed.tensor->name));
      return;
    }
    const Tensor *&slot = cell.tensors[static_cast<size_t>(form - search.forms.begin())];
    if (slot)
      problems.push_back(
          fmt::format("`{}` and `{}` are the same tensor of the same cell; --prefix takes one",
                      slot->name, placed.tensor->name));
    slot = placed.tensor;
  }

  /// The name of a tensor that is not there: as its neighbours have it.
  std::string nameAt(const CellPlace &place, const NetworkShape &shape, std::string_view key) {
    const std::vector<PlacedTensor> &neighbours = cells[place];
    if (!neighbours.empty())
      return search.prefix + neighbours[0].place.begin + std::string(key) + neighbours[0].place.end;
    return search.prefix +
           search.naming.nameOf(search.layout, shape,
                                {place.first, place.second, std::string(key), "", ""});
  }

  /// Learns sizes from a tensor, or says what is wrong with it.
  void measure(const Tensor &tensor, const TensorForm &form, Sizes &sizes) {
    if (isIntegerType(tensor.type))
      problems.push_back(fmt::format("`{}` has type {}, expected F64, F32, F16 or BF16",
                                     tensor.name, tensorTypeName(tensor.type)));
    bool isGood = tensor.shape.size() == form.axes.size();
    for (size_t i = 0; isGood && i < form.axes.size(); ++i) {
      auto [factor, dimension] = form.axes[i];
      isGood = tensor.shape[i] > 0 &&
               (dimension ? tensor.shape[i] % factor == 0 : tensor.shape[i] == factor);
    }
    if (!isGood) {
      problems.push_back(fmt::format("`{}` has shape {}, expected {}", tensor.name,
                                     formatShape(tensor.shape), formatForm(form, sizes)));
      return;
    }
    for (size_t i = 0; i < form.axes.size(); ++i)
      if (char dimension = form.axes[i].dimension)
        agree(tensor, form, dimension, tensor.shape[i] / form.axes[i].factor, sizes);
  }

  void agree(const Tensor &tensor, const TensorForm &form, char dimension, int64_t size,
             Sizes &sizes) {
    auto [known, isNew] = sizes.insert({dimension, size});
    if (isNew)
      sizeFrom[dimension] = tensor.name;
    else if (known->second != size)
      problems.push_back(fmt::format("`{}` has shape {}, so {} is {}, but {} by `{}`; expected {}",
                                     tensor.name, formatShape(tensor.shape), dimension, size,
                                     known->second, sizeFrom[dimension], formatForm(form, sizes)));
  }

  const TensorFile &file;
  const TensorSearch &search;
  std::map<CellPlace, std::vector<PlacedTensor>> cells;
  std::vector<std::string> leftOut, problems;
  std::map<char, std::string> sizeFrom; // of the cell that is read: which tensor says so
};

} // namespace

FoundTensors findCellTensors(const TensorFile &file, const TensorSearch &search) {
  return Search(file, search).find();
}

void checkOneModule(const NetworkShape &shape, const std::vector<Sizes> &cells,
                    const std::string &what) {
  size_t directions = shape.isBidirectional ? 2 : 1;
  auto nameOf = [&](size_t cell) {
    return fmt::format("layer {}{}", cell / directions, cell % directions ? " reversed" : "");
  };
  auto expect = [&](size_t cell, char dimension, int64_t expected, const std::string &reason) {
    int64_t size = cells[cell].at(dimension);
    CELLWRIGHT_CHECK(size == expected,
                     "{}: {} of {} is {}, expected {}, {}; convert its layers one by one with "
                     "--layer and --direction",
                     what, dimension, nameOf(cell), size, expected, reason);
  };
  for (size_t cell = 1; cell < cells.size(); ++cell) {
    for (char dimension : {'H', 'P'})
      if (cells[0].contains(dimension))
        expect(cell, dimension, cells[0].at(dimension), "as of layer 0");
    const Sizes &first = cells[0];
    int64_t output = first.contains('P') ? first.at('P') : first.at('H');
    if (cell < directions)
      expect(cell, 'I', first.at('I'), "as of layer 0");
    else
      expect(cell, 'I', static_cast<int64_t>(directions) * output,
             "the size of what the layer below gives");
  }
}

} // namespace cellwright
