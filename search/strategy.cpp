// See strategy.h: the table of strategies, and how they get their options.
#include "search/strategy.h"

#include "search/strategies/strategies.h"
#include "training/named_rows.h"

#include <algorithm>
#include <cmath>

namespace cellwright {

//===-- Options -------------------------------------------------------------------------------===//

static const StrategyOption *findOption(std::span<const StrategyOption> known,
                                        std::string_view name) {
  for (const StrategyOption &option : known)
    if (option.name == name)
      return &option;
  return nullptr;
}

StrategyOptions::StrategyOptions(std::string_view strategy, std::span<const StrategyOption> known,
                                 const std::map<std::string, double> &given) {
  for (const StrategyOption &option : known)
    values.emplace(option.name, option.value);
  for (const auto &[name, value] : given) {
    const StrategyOption *option = findOption(known, name);
    CELLWRIGHT_CHECK(option, "strategy `{}` has no option `{}`; it has {}", strategy, name,
                     known.empty() ? "none" : fmt::format("{}", fmt::join(namesOf(known), ", ")));
    bool isInside = value >= option->least && value <= option->most &&
                    (!option->isWhole || value == std::floor(value));
    CELLWRIGHT_CHECK(isInside, "option `{}` of strategy `{}`: expected {} from {} to {}, found {}",
                     name, strategy, option->isWhole ? "an integer" : "a number", option->least,
                     option->most, value);
    values.find(name)->second = value;
  }
}

double StrategyOptions::number(std::string_view name) const { return values.find(name)->second; }

int64_t StrategyOptions::whole(std::string_view name) const {
  return static_cast<int64_t>(number(name));
}

//===-- The table -----------------------------------------------------------------------------===//

std::span<const StrategyInfo> strategies() {
  static const StrategyInfo kStrategies[] = {describeRandom(),    describePool(),
                                             describeEvolution(), describeReinforce(),
                                             describeHalving(),   describeAsha()};
  return kStrategies;
}

/// The options of `given` that a strategy has, taken out of it.
static std::map<std::string, double> takeOptions(const StrategyInfo &info,
                                                 std::map<std::string, double> &given) {
  std::map<std::string, double> taken;
  for (const StrategyOption &option : info.options)
    if (auto node = given.extract(std::string(option.name)))
      taken.insert(std::move(node));
  return taken;
}

/// Throws Error for an option that none of the strategies of a name has.
static void checkOptionNames(std::string_view name, const std::map<std::string, double> &given) {
  std::vector<std::string_view> known;
  bool isOpen = true; // the last one schedules another
  for (std::string_view rest = name; isOpen;) {
    size_t colon = rest.find(':');
    const StrategyInfo &info = findNamed(strategies(), rest.substr(0, colon), "strategy");
    for (const StrategyOption &option : info.options)
      known.push_back(option.name);
    isOpen = info.hasInner && colon != std::string_view::npos;
    rest = isOpen ? rest.substr(colon + 1) : rest;
  }
  for (const auto &[option, value] : given)
    CELLWRIGHT_CHECK(std::find(known.begin(), known.end(), option) != known.end(),
                     "strategy `{}` has no option `{}`; it has {}", name, option,
                     known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
}

std::unique_ptr<Strategy> makeStrategy(std::string_view name, const StrategySetup &setup,
                                       const std::map<std::string, double> &options) {
  checkOptionNames(name, options);
  size_t colon = name.find(':');
  std::string_view outer = name.substr(0, colon);
  const StrategyInfo &info = findNamed(strategies(), outer, "strategy");
  CELLWRIGHT_CHECK(info.hasInner || colon == std::string_view::npos,
                   "strategy `{}` schedules no other; leave out `{}`", outer,
                   name.substr(std::min(colon, name.size())));
  bool hasMoreTasks = !setup.gate.empty() || setup.tasks.size() > 1;
  CELLWRIGHT_CHECK(info.hasInner || info.usesMoreTasks || !hasMoreTasks,
                   "strategy `{}` tries cells on the study's task only; leave out the gate and "
                   "further tasks, or use `pool`",
                   outer);
  std::map<std::string, double> given = options;
  std::map<std::string, double> own = takeOptions(info, given);
  std::unique_ptr<Strategy> inner;
  if (info.hasInner) {
    std::string_view rest = colon == std::string_view::npos ? "random" : name.substr(colon + 1);
    inner = makeStrategy(rest, setup, given);
  } else {
    own.merge(given); // what nobody has is refused here
  }
  return info.make(setup, StrategyOptions(outer, info.options, own), std::move(inner));
}

} // namespace cellwright
