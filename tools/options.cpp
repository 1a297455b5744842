// See options.h.
#include "tools/options.h"

#include "dsl/suggest.h"
#include "fmt/ranges.h"
#include "runtime/error.h"
#include "runtime/files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace cellwright {

template <typename Number>
static Number parse(const std::string &name, const std::string &text, Range<Number> range,
                    const char *kind) {
  Number number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool isNumber = problem == std::errc() && end == text.data() + text.size();
  // Comparisons with NaN are false.
  if (!isNumber || !(number >= range.least && number <= range.most))
    throw UsageError(fmt::format("{}: expected {} from {} to {}, got `{}`", name, kind, range.least,
                                 range.most, text));
  return number;
}

int64_t parseOption(const std::string &name, const std::string &text, Range<int64_t> range) {
  return parse(name, text, range, "an integer");
}
uint64_t parseOption(const std::string &name, const std::string &text, Range<uint64_t> range) {
  return parse(name, text, range, "an integer");
}
double parseOption(const std::string &name, const std::string &text, Range<double> range) {
  return parse(name, text, range, "a number");
}

std::pair<std::string, double> parseNamedNumber(const std::string &option,
                                                const std::string &text) {
  size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0)
    throw UsageError(fmt::format("{}: expected NAME=NUMBER, got `{}`", option, text));
  double number = 0;
  const char *begin = text.data() + equal + 1;
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number))
    throw UsageError(fmt::format("{}: expected a number after `{}=`, got `{}`", option,
                                 text.substr(0, equal), std::string(begin, end)));
  return {text.substr(0, equal), number};
}

void checkIsNoInput(const std::string &option, const std::string &path,
                    const std::vector<std::string> &inputs) {
  for (const std::string &input : inputs)
    CELLWRIGHT_CHECK(path.empty() || input.empty() || !isSameFile(path, input),
                     "{} is a file that this reads, `{}`; name another file", option, path);
}

std::string defaultText(int64_t value) { return fmt::format("{}", value); }
std::string defaultText(uint64_t value) { return fmt::format("{}", value); }
std::string defaultText(double value) { return fmt::format("{}", value); }

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

} // namespace

/// A whole number of units, rounded down; nothing if it is none or below 1.
static std::optional<int64_t> parseWithUnit(const std::string &text, std::span<const Unit> units) {
  constexpr double kMost = 1e18; // exact sums stay below an int64_t
  double number = 0;
  const char *last = text.data() + text.size();
  auto [end, problem] = std::from_chars(text.data(), last, number, std::chars_format::fixed);
  std::string_view unitName(end, static_cast<size_t>(last - end));
  if (problem == std::errc())
    for (const Unit &unit : units) {
      double product = number * unit.factor;
      // Comparisons with NaN are false.
      if (unit.name == unitName && product >= 1 && product <= kMost)
        return static_cast<int64_t>(product);
    }
  return std::nullopt;
}

int64_t parseBytes(const std::string &name, const std::string &text) {
  constexpr Unit kUnits[] = {{"B", 1},
                             {"kB", 1e3},
                             {"KB", 1e3},
                             {"MB", 1e6},
                             {"GB", 1e9},
                             {"TB", 1e12},
                             {"KiB", 1024},
                             {"MiB", 1048576.0},
                             {"GiB", 1073741824.0},
                             {"TiB", 1099511627776.0}};
  if (auto bytes = parseWithUnit(text, kUnits))
    return *bytes;
  throw UsageError(
      fmt::format("{}: expected a number of bytes from 1B to 1000000TB with its unit, "
                  "B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024), "
                  "as in 512MB, got `{}`",
                  name, text));
}

int64_t parseCount(const std::string &name, const std::string &text) {
  constexpr Unit kUnits[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};
  if (auto count = parseWithUnit(text, kUnits))
    return *count;
  throw UsageError(
      fmt::format("{}: expected a number above 0, as in 50000, 50k or 1.5M, got `{}`", name, text));
}

CLI::Option *addCount(CLI::App &app, const std::string &name, int64_t &target,
                      const std::string &help) {
  auto take = [&target, name](const std::string &text) { target = parseCount(name, text); };
  return app.add_option_function<std::string>(name, take, help)
      ->type_name("N")
      ->default_str(defaultText(target));
}

CLI::Option *addBytes(CLI::App &app, const std::string &name, std::optional<int64_t> &target,
                      const std::string &help) {
  auto take = [&target, name](const std::string &text) { target = parseBytes(name, text); };
  return app.add_option_function<std::string>(name, take, help)->type_name("BYTES");
}

double parseDuration(const std::string &name, const std::string &text) {
  constexpr Unit kUnits[] = {{"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86'400e3}};
  constexpr int64_t kMost = 1'000'000'000'000; // thirty years
  auto milliseconds = parseWithUnit(text, kUnits);
  if (milliseconds && *milliseconds <= kMost)
    return static_cast<double>(*milliseconds) * 1e-3;
  throw UsageError(
      fmt::format("{}: expected a time with its unit, 90s, 30m, 1.5h or 2d, got `{}`", name, text));
}

CLI::Option *addDuration(CLI::App &app, const std::string &name, double &target,
                         const std::string &help) {
  auto take = [&target, name](const std::string &text) { target = parseDuration(name, text); };
  return app.add_option_function<std::string>(name, take, help)->type_name("TIME");
}

std::string choiceName(const std::vector<std::string> &choices) {
  constexpr size_t kLong = 22;
  std::string name = fmt::format("{}", fmt::join(choices, "|"));
  return name.size() > kLong ? "NAME" : name;
}

CLI::Option *addChoice(CLI::App &app, const std::string &name, std::string &target,
                       const std::vector<std::string> &choices, const std::string &help) {
  auto take = [&target, name, choices](const std::string &text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      SuggestionBudget budget;
      Suggestion suggestion(text, budget);
      for (const std::string &choice : choices)
        suggestion.consider(choice);
      throw UsageError(fmt::format("{}: expected one of {}, got `{}`{}", name,
                                   fmt::join(choices, ", "), text,
                                   std::string_view(suggestion.text())));
    }
    target = text;
  };
  return app.add_option_function<std::string>(name, take, help)
      ->type_name(choiceName(choices))
      ->default_str(target);
}

CLI::Option *addPath(CLI::App &app, const std::string &name, std::string &target,
                     const std::string &help) {
  auto take = [&target, name](const std::string &text) {
    if (text.empty())
      throw UsageError(fmt::format("{}: expected a path, got ``", name));
    target = text;
  };
  return app.add_option_function<std::string>(name, take, help)->type_name("FILE");
}

} // namespace cellwright
