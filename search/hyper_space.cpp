// See hyper_space.h.
#include "search/hyper_space.h"

#include "training/named_rows.h"
#include "training/optimizers.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace cellwright {

using nlohmann::json;

//===-- Settings ------------------------------------------------------------------------------===//

uint64_t HyperSpace::size() const {
  return learningRates.size() * initScales.size() * clipNorms.size() * layers.size() *
         hidden.size();
}

HyperParameters HyperSpace::at(uint64_t setting) const {
  auto take = [&](const auto &list) {
    auto value = list[setting % list.size()];
    setting /= list.size();
    return value;
  };
  HyperParameters hyper;
  hyper.learningRate = take(learningRates);
  hyper.initScale = take(initScales);
  hyper.clipNorm = take(clipNorms);
  hyper.layers = take(layers);
  hyper.hidden = take(hidden);
  hyper.optimizer = optimizer;
  return hyper;
}

HyperParameters HyperSpace::sample(Random &random) const { return at(random.below(size())); }

HyperParameters HyperSpace::change(HyperParameters hyper, Random &random) const {
  int64_t open = 0; // lists with a choice
  for (size_t choices :
       {learningRates.size(), initScales.size(), clipNorms.size(), layers.size(), hidden.size()})
    open += choices > 1;
  if (open == 0)
    return hyper;
  auto before = static_cast<int64_t>(random.below(open));
  auto changeOne = [&](const auto &list, auto &value) {
    if (list.size() > 1 && before-- == 0)
      value = list[random.below(list.size())];
  };
  changeOne(learningRates, hyper.learningRate);
  changeOne(initScales, hyper.initScale);
  changeOne(clipNorms, hyper.clipNorm);
  changeOne(layers, hyper.layers);
  changeOne(hidden, hyper.hidden);
  return hyper;
}

//===-- Published ones ------------------------------------------------------------------------===//

/// For Adam, around its authors' learning rate of 0.001.
static HyperSpace makeAdam() {
  return {{0.0003, 0.001, 0.002, 0.005, 0.01}, {0.5, 1, 2}, {1, 5}, {1}, {128}};
}

/// Section 3.3, without the number of parameters, which depends on the task.
static HyperSpace makeJozefowicz() {
  return {{0.1, 0.2, 0.3, 0.5, 1, 2, 5},
          {0.3, 0.7, 1, 1.4, 2, 2.8},
          {1, 2.5, 5, 10, 20},
          {1, 2, 3, 4},
          {128},
          "sgd"};
}

static constexpr HyperSpaceInfo kHyperSpaces[] = {
    {"adam", "around Kingma & Ba 2015", makeAdam},
    {"jozefowicz", "Jozefowicz et al. 2015, section 3.3", makeJozefowicz},
};

std::span<const HyperSpaceInfo> hyperSpaces() { return kHyperSpaces; }

const HyperSpaceInfo &findHyperSpace(std::string_view name) {
  return findNamed(kHyperSpaces, name, "list of hyperparameters");
}

//===-- JSON ----------------------------------------------------------------------------------===//

std::string formatHyperSpace(const HyperSpace &space) {
  return json{{"learning_rate", space.learningRates},
              {"init_scale", space.initScales},
              {"clip_norm", space.clipNorms},
              {"layers", space.layers},
              {"hidden", space.hidden},
              {"optimizer", space.optimizer}}
      .dump();
}

/// What the numbers of a list may be. Fractions have no upper end.
struct ListRange {
  const char *name;
  const char *expected; // for messages
  double least;
  bool isOpen; // `least` itself is too small
  double most = INFINITY;
};

static constexpr ListRange kRates = {"learning_rate", "numbers above 0", 0, true},
                           kScales = {"init_scale", "numbers above 0", 0, true},
                           kNorms = {"clip_norm", "numbers from 0 on", 0, false},
                           kLayers = {"layers", "whole numbers from 1 to 100", 1, false, 100},
                           kHidden = {"hidden", "whole numbers from 1 to 65536", 1, false, 65'536};

template <typename Number>
static std::vector<Number> readList(const json &object, const ListRange &range) {
  const char *name = range.name;
  CELLWRIGHT_CHECK(object.contains(name), "hyperparameters: expected a list `{}`, found none",
                   name);
  const json &list = object.at(name);
  CELLWRIGHT_CHECK(list.is_array() && !list.empty(),
                   "hyperparameters: expected a list of numbers for `{}`, found `{}`", name,
                   list.dump());
  std::vector<Number> numbers;
  for (const json &entry : list) {
    bool isNumber = std::is_integral_v<Number> ? entry.is_number_integer() : entry.is_number();
    double value = isNumber ? entry.get<double>() : NAN;
    bool isLarge = range.isOpen ? value > range.least : value >= range.least;
    CELLWRIGHT_CHECK(isLarge && std::isfinite(value) && value <= range.most,
                     "hyperparameters: expected {} for `{}`, found `{}`", range.expected, name,
                     entry.dump());
    numbers.push_back(entry.get<Number>());
  }
  return numbers;
}

/// Adam if it is not said.
static std::string readOptimizer(const json &object) {
  if (!object.contains("optimizer"))
    return "adam";
  const json &name = object.at("optimizer");
  CELLWRIGHT_CHECK(name.is_string(), "hyperparameters: expected a name for `optimizer`, found `{}`",
                   name.dump());
  return std::string(findOptimizer(name.get<std::string>()).name);
}

static void checkKeys(const json &object) {
  std::vector<std::string> known = {"optimizer"};
  for (const ListRange &range : {kHidden, kLayers, kNorms, kScales, kRates})
    known.insert(known.begin(), range.name);
  for (const auto &[key, value] : object.items())
    CELLWRIGHT_CHECK(std::find(known.begin(), known.end(), key) != known.end(),
                     "hyperparameters: there is no `{}`; expected {}", key, fmt::join(known, ", "));
}

HyperSpace parseHyperSpace(const std::string &text) {
  json object = json::parse(text, nullptr, false);
  CELLWRIGHT_CHECK(object.is_object(), "hyperparameters: expected an object of lists, found `{}`",
                   text.substr(0, 80));
  checkKeys(object);
  return {readList<double>(object, kRates),   readList<double>(object, kScales),
          readList<double>(object, kNorms),   readList<int64_t>(object, kLayers),
          readList<int64_t>(object, kHidden), readOptimizer(object)};
}

} // namespace cellwright
