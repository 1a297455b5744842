// See genotypes.h.
#include "search/genotypes.h"

#include "dsl/format.h"
#include "runtime/error.h"
#include "search/recipes.h"
#include "search/short_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace cellwright {

using nlohmann::json;

namespace {

//===-- Parts of a genotype -------------------------------------------------------------------===//

constexpr int kMostNodes = 999;

/// `name` is what the value is of, for messages.
int wholeNumberOf(const json &value, int most, const std::string &name) {
  bool isGood =
      value.is_number_integer() && value.get<double>() >= 0 && value.get<double>() <= most;
  CELLWRIGHT_CHECK(isGood, "{}: expected a whole number from 0 to {}, found `{}`", name, most,
                   shortJson(value));
  return value.get<int>();
}

std::string textOf(const json &value, const std::string &name) {
  CELLWRIGHT_CHECK(value.is_string(), "{}: expected the name of an activation, found `{}`", name,
                   shortJson(value));
  return value.get<std::string>();
}

void checkPair(const json &value, const char *expected, const std::string &name) {
  CELLWRIGHT_CHECK(value.is_array() && value.size() == 2, "{}: expected {}, found `{}`", name,
                   expected, shortJson(value));
}

//===-- darts: {"recurrent": [["tanh", 0], ...], "concat": [1, 2]} ----------------------------===//

ChainCell chainOfDarts(const json &genotype) {
  bool hasLists = genotype.is_object() && genotype.contains("recurrent") &&
                  genotype["recurrent"].is_array() && genotype.contains("concat") &&
                  genotype["concat"].is_array();
  CELLWRIGHT_CHECK(hasLists,
                   "this is no genotype of `darts`: expected an object with the lists `recurrent` "
                   "and `concat`, found `{}`",
                   shortJson(genotype));
  ChainCell chain;
  for (const json &node : genotype["recurrent"]) {
    std::string name = fmt::format("node {} of this genotype", chain.nodes.size() + 1);
    checkPair(node, "[activation, predecessor]", name);
    chain.nodes.push_back({textOf(node[0], name), wholeNumberOf(node[1], kMostNodes, name)});
  }
  for (const json &node : genotype["concat"])
    chain.mean.push_back(wholeNumberOf(node, kMostNodes, "`concat` of this genotype"));
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
  CELLWRIGHT_CHECK(genotype.is_array(),
                   "this is no genotype of `enas`: expected a list of numbers, found `{}`",
                   shortJson(genotype));
  CELLWRIGHT_CHECK(genotype.size() % 2 == 1,
                   "a genotype of `enas` has an odd count of numbers, got {}", genotype.size());
  auto activation = [&](size_t i) {
    const std::vector<std::string> &names = chainActivations();
    auto last = static_cast<int>(names.size()) - 1;
    return names[wholeNumberOf(genotype[i], last,
                               fmt::format("number {} of this genotype, a function", i))];
  };
  ChainCell chain;
  chain.first = activation(0);
  for (size_t i = 1; i + 1 < genotype.size(); i += 2) {
    std::string name = fmt::format("number {} of this genotype, a node", i);
    chain.nodes.push_back({activation(i + 1), wholeNumberOf(genotype[i], kMostNodes, name)});
  }
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
                       number <= kMostNodes,
                   "`{}` is no node of this graph", key);
  return number;
}

/// Activation and predecessor of each node.
using PytorchNodes = std::map<int, std::pair<std::string, int>>;

/// Adds a node that is made of another one. Node 0 is made of the input, -1, and the state, -2,
/// with the same activation; all others are made once.
void addPytorchNode(int node, const std::string &label, int from, PytorchNodes &nodes) {
  auto known = kPytorchNames.find(label);
  CELLWRIGHT_CHECK(known != kPytorchNames.end(), "`{}` is no activation of this space", label);
  CELLWRIGHT_CHECK(node > 0 || from < 0,
                   "node 0 of this graph is made of node {}, expected -1, the input, and -2, the "
                   "state",
                   from);
  auto [place, isNew] = nodes.insert({node, {known->second, from}});
  const auto &[activation, other] = place->second;
  bool isOtherInput = node == 0 && other != from;
  CELLWRIGHT_CHECK(isNew || isOtherInput,
                   "node {} of this graph is made twice, of node {} and of {}", node, other, from);
  CELLWRIGHT_CHECK(activation == known->second,
                   "node 0 of this graph has two activations, {} and {}, expected one", activation,
                   known->second);
}

ChainCell chainOfPytorch(const json &genotype) {
  CELLWRIGHT_CHECK(genotype.is_object(),
                   "this is no genotype of `enas-pytorch`: expected an object of nodes, found `{}`",
                   shortJson(genotype));
  PytorchNodes nodes;
  ChainCell chain;
  for (const auto &[key, edges] : genotype.items()) {
    int from = nodeNumber(key);
    std::string name = fmt::format("node `{}` of this graph", key);
    CELLWRIGHT_CHECK(edges.is_array(), "{}: expected a list of [node, label], found `{}`", name,
                     shortJson(edges));
    for (const json &edge : edges) {
      checkPair(edge, "[node, label]", name);
      int to = wholeNumberOf(edge[0], kMostNodes, name);
      std::string label = textOf(edge[1], name);
      if (label == "avg")
        chain.mean.push_back(from);
      else if (label != "h[t]")
        addPytorchNode(to, label, from, nodes);
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
  ChainCell chain = chainFormat(format).read(genotype);
  chain.check();
  return chain;
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
