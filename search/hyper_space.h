// The settings of hyperparameters that a search may draw: every combination of some lists, each as
// likely.
#pragma once

#include "search/trial.h"
#include "training/random.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct HyperSpace {
  std::vector<double> learningRates;
  std::vector<double> initScales;
  std::vector<double> clipNorms;
  std::vector<int64_t> layers;
  std::vector<int64_t> hidden;
  std::string optimizer = "adam"; // of all; as `findOptimizer` knows it

  /// Number of settings; a setting is a number below it. 0 if a list is empty.
  uint64_t size() const;
  HyperParameters at(uint64_t setting) const;
  HyperParameters sample(Random &random) const;
  /// The setting with one hyperparameter drawn anew, if there is one with a choice.
  HyperParameters change(HyperParameters hyper, Random &random) const;

  bool operator==(const HyperSpace &) const = default;
};

struct HyperSpaceInfo {
  std::string_view name;
  std::string_view source;
  HyperSpace (*make)();
};

/// All published or recommended ones: adam, jozefowicz.
std::span<const HyperSpaceInfo> hyperSpaces();
/// Throws Error that lists the names if there is none of that name.
const HyperSpaceInfo &findHyperSpace(std::string_view name);

/// As JSON, and back. Parsing throws Error with what is wrong: no list, an empty one, a number that
/// cannot be, an unknown key.
std::string formatHyperSpace(const HyperSpace &space);
HyperSpace parseHyperSpace(const std::string &text);

} // namespace cellwright
