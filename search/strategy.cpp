// See strategy.h: the table of strategies, and how they get their options.
#include "search/strategy.h"

#include "search/strategies/strategies.h"
#include "training/named_rows.h"

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

/// The strategies of a name, each scheduling the next.
static std::vector<const StrategyInfo *> parseName(std::string_view name) {
  std::vector<const StrategyInfo *> chain;
  for (std::string_view rest = name;;) {
    size_t colon = rest.find(':');
    const StrategyInfo &info = findNamed(strategies(), rest.substr(0, colon), "strategy");
    chain.push_back(&info);
    if (!info.hasInner) {
      CELLWRIGHT_CHECK(colon == std::string_view::npos,
                       "strategy `{}` schedules no other; leave out `{}`", info.name,
                       rest.substr(colon));
      return chain;
    }
    rest = colon == std::string_view::npos ? "random" : rest.substr(colon + 1);
  }
}

/// The options of each strategy. What several have is the outer one's; throws Error for what none
/// has.
static std::vector<StrategyOptions> shareOptions(std::string_view name,
                                                 const std::vector<const StrategyInfo *> &chain,
                                                 std::map<std::string, double> given) {
  std::vector<std::map<std::string, double>> taken;
  std::vector<std::string_view> known;
  for (const StrategyInfo *info : chain) {
    taken.push_back(takeOptions(*info, given));
    for (const StrategyOption &option : info->options)
      known.push_back(option.name);
  }
  CELLWRIGHT_CHECK(given.empty(), "strategy `{}` has no option `{}`; it has {}", name,
                   given.begin()->first,
                   known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
  std::vector<StrategyOptions> options;
  for (size_t i = 0; i < chain.size(); ++i)
    options.emplace_back(chain[i]->name, chain[i]->options, taken[i]);
  return options;
}

std::unique_ptr<Strategy> makeStrategy(std::string_view name, const StrategySetup &setup,
                                       const std::map<std::string, double> &options) {
  std::vector<const StrategyInfo *> chain = parseName(name);
  std::vector<StrategyOptions> shared = shareOptions(name, chain, options);
  bool hasMoreTasks = !setup.gate.empty() || setup.tasks.size() > 1;
  CELLWRIGHT_CHECK(chain.back()->usesMoreTasks || !hasMoreTasks,
                   "strategy `{}` tries cells on the study's task only; leave out the gate and "
                   "further tasks, or use `pool`",
                   chain.back()->name);
  std::unique_ptr<Strategy> strategy;
  for (size_t i = chain.size(); i-- > 0;)
    strategy = chain[i]->make(setup, shared[i], std::move(strategy));
  return strategy;
}

} // namespace cellwright
