// See genotypes.h.
#include "search/genotypes.h"

#include "dsl/format.h"
#include "runtime/error.h"
#include "search/recipes.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace cellwright {

using nlohmann::json;

namespace {

//===-- darts: {"recurrent": [["tanh", 0], ...], "concat": [1, 2]} ----------------------------===//

ChainCell chainOfDarts(const json &genotype) {
  ChainCell chain;
  for (const json &node : genotype.at("recurrent"))
    chain.nodes.push_back({node.at(0).get<std::string>(), node.at(1).get<int>()});
  genotype.at("concat").get_to(chain.mean);
  return chain;
}

json dartsOfChain(const ChainCell &chain) {
  CELLWRIGHT_CHECK(chain.first == "tanh", "the first node of `darts` is a tanh, this one is a {}",
                   chain.first);
  json recurrent = json::array();
  for (const auto &[activation, from] : chain.nodes)
    recurrent.push_back({activation, from});
  return {{"recurrent", recurrent}, {"concat", chain.mean}};
}

//===-- enas: [f0, p1, f1, p2, f2, ...], functions as numbers ---------------------------------===//

ChainCell chainOfEnas(const json &genotype) {
  auto numbers = genotype.get<std::vector<int>>();
  CELLWRIGHT_CHECK(numbers.size() % 2 == 1,
                   "a genotype of `enas` has an odd count of numbers, got {}", numbers.size());
  auto activation = [&](size_t i) {
    const std::vector<std::string> &names = chainActivations();
    CELLWRIGHT_CHECK(numbers[i] >= 0 && numbers[i] < static_cast<int>(names.size()),
                     "number {} of this genotype is {}; functions are 0 to {}", i, numbers[i],
                     names.size() - 1);
    return names[numbers[i]];
  };
  ChainCell chain;
  chain.first = activation(0);
  for (size_t i = 1; i + 1 < numbers.size(); i += 2)
    chain.nodes.push_back({activation(i + 1), numbers[i]});
  chain.mean = chain.looseEnds();
  return chain;
}

json enasOfChain(const ChainCell &chain) {
  CELLWRIGHT_CHECK(
      chain.mean == chain.looseEnds(),
      "the output of `enas` is the mean of the nodes that nothing uses, here it is that "
      "of others");
  auto number = [](const std::string &name) {
    const std::vector<std::string> &names = chainActivations();
    return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  json numbers = {number(chain.first)};
  for (const auto &[activation, from] : chain.nodes) {
    numbers.push_back(from);
    numbers.push_back(number(activation));
  }
  return numbers;
}

//===-- enas-pytorch: {"-1": [[0, "tanh"]], "-2": [[0, "tanh"]], "0": [[1, "ReLU"]], ...} -----===//

const std::map<std::string, std::string> kPytorchNames = {
    {"tanh", "tanh"}, {"ReLU", "relu"}, {"identity", "identity"}, {"sigmoid", "sigmoid"}};

int nodeNumber(const std::string &key) {
  int number = 0;
  auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  CELLWRIGHT_CHECK(error == std::errc() && stop == key.data() + key.size() && number >= -2 &&
                       number < 1000,
                   "`{}` is no node of this graph", key);
  return number;
}

ChainCell chainOfPytorch(const json &genotype) {
  std::map<int, std::pair<std::string, int>> nodes; // activation, predecessor
  ChainCell chain;
  for (const auto &[key, edges] : genotype.items())
    for (const json &edge : edges) {
      auto to = edge.at(0).get<int>();
      auto label = edge.at(1).get<std::string>();
      if (label == "avg") {
        chain.mean.push_back(nodeNumber(key));
      } else if (label != "h[t]") {
        auto known = kPytorchNames.find(label);
        CELLWRIGHT_CHECK(known != kPytorchNames.end(), "`{}` is no activation of this space",
                         label);
        nodes[to] = {known->second, nodeNumber(key)};
      }
    }
  std::sort(chain.mean.begin(), chain.mean.end());
  for (size_t i = 0; i < nodes.size(); ++i) {
    auto node = nodes.find(static_cast<int>(i));
    CELLWRIGHT_CHECK(node != nodes.end(), "node {} of this graph is made of nothing", i);
    if (i == 0)
      chain.first = node->second.first;
    else
      chain.nodes.push_back(node->second);
  }
  return chain;
}

json pytorchOfChain(const ChainCell &chain) {
  auto label = [](const std::string &activation) {
    for (const auto &[theirs, ours] : kPytorchNames)
      if (ours == activation)
        return theirs;
    throw Error(fmt::format("`{}` is no activation of this space", activation));
  };
  json graph = {{"-1", {{0, label(chain.first)}}}, {"-2", {{0, label(chain.first)}}}};
  auto last = static_cast<int>(chain.nodes.size()) + 1;
  for (size_t i = 0; i < chain.nodes.size(); ++i)
    graph[std::to_string(chain.nodes[i].second)].push_back({i + 1, label(chain.nodes[i].first)});
  for (int node : chain.mean)
    graph[std::to_string(node)].push_back({last, "avg"});
  graph[std::to_string(last)].push_back({last + 1, "h[t]"});
  return graph;
}

//===-- The table -----------------------------------------------------------------------------===//

struct ChainFormat {
  std::string_view name;
  ChainCell (*read)(const json &);
  json (*write)(const ChainCell &);
};

constexpr ChainFormat kChains[] = {
    {"darts", chainOfDarts, dartsOfChain},
    {"enas", chainOfEnas, enasOfChain},
    {"enas-pytorch", chainOfPytorch, pytorchOfChain},
};

const ChainFormat &chainFormat(std::string_view name) {
  for (const ChainFormat &format : kChains)
    if (format.name == name)
      return format;
  throw Error(fmt::format("`{}` is no format of chains", name));
}

template <const char *const &Name> GenotypeFormat chainRow(const char *help) {
  return {Name, help,
          [](const json &genotype, const std::string &cell) {
            return textOfChain(chainOfGenotype(genotype, Name), cell);
          },
          [](const Cell &cell) { return genotypeOfChain(chainOfCell(cell), Name); }};
}

constexpr const char *kDarts = "darts";
constexpr const char *kEnas = "enas";
constexpr const char *kEnasPytorch = "enas-pytorch";

const GenotypeFormat &formatOf(std::string_view name) {
  std::vector<std::string> names;
  for (const GenotypeFormat &format : genotypeFormats()) {
    if (format.name == name)
      return format;
    names.push_back(format.name);
  }
  throw Error(fmt::format("unknown format `{}`; expected one of {}", name, fmt::join(names, ", ")));
}

} // namespace

const std::vector<GenotypeFormat> &genotypeFormats() {
  static const std::vector<GenotypeFormat> kFormats = {
      {"nas-bench-nlp", "recipes of NAS-Bench-NLP",
       [](const json &genotype, const std::string &cell) {
         return textOfGraph(graphOfRecipe(genotype), cell);
       },
       [](const Cell &cell) { return recipeOfGraph(graphOfCell(cell)); }},
      chainRow<kDarts>("genotypes of DARTS and GDAS"),
      chainRow<kEnas>("architectures of ENAS as its authors write them"),
      chainRow<kEnasPytorch>("graphs of ENAS-pytorch"),
  };
  return kFormats;
}

ChainCell chainOfGenotype(const json &genotype, std::string_view format) {
  try {
    ChainCell chain = chainFormat(format).read(genotype);
    chain.check();
    return chain;
  } catch (const json::exception &problem) {
    throw Error(fmt::format("this is no genotype of `{}`: {}", format, problem.what()));
  }
}

json genotypeOfChain(const ChainCell &chain, std::string_view format) {
  return chainFormat(format).write(chain);
}

std::string importGenotype(const json &genotype, std::string_view format,
                           const std::string &cellName) {
  std::string text = formatOf(format).import(genotype, cellName);
  Diagnostics diagnostics;
  auto formatted = formatText(text, 0, diagnostics);
  CELLWRIGHT_CHECK(formatted.has_value(), "`{}` is no name of a cell", cellName);
  return *formatted;
}

json exportGenotype(const Cell &cell, std::string_view format) {
  return formatOf(format).exportCell(cell);
}

} // namespace cellwright
