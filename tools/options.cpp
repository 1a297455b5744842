// See options.h.
#include "tools/options.h"

#include "dsl/suggest.h"
#include "fmt/ranges.h"

#include <algorithm>
#include <charconv>

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

std::string defaultText(int64_t value) { return fmt::format("{}", value); }
std::string defaultText(uint64_t value) { return fmt::format("{}", value); }
std::string defaultText(double value) { return fmt::format("{}", value); }

int64_t parseBytes(const std::string &name, const std::string &text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
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
  constexpr double kMost = 1e18; // exact sums of sizes stay below an int64_t
  double number = 0;
  const char *last = text.data() + text.size();
  auto [end, problem] = std::from_chars(text.data(), last, number, std::chars_format::fixed);
  std::string_view unitName(end, static_cast<size_t>(last - end));
  if (problem == std::errc())
    for (const Unit &unit : kUnits) {
      double bytes = number * unit.bytes;
      // Comparisons with NaN are false.
      if (unit.name == unitName && bytes >= 1 && bytes <= kMost)
        return static_cast<int64_t>(bytes);
    }
  throw UsageError(
      fmt::format("{}: expected a number of bytes from 1B to 1000000TB with its unit, "
                  "B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024), "
                  "as in 512MB, got `{}`",
                  name, text));
}

CLI::Option *addBytes(CLI::App &app, const std::string &name, std::optional<int64_t> &target,
                      const std::string &help) {
  auto take = [&target, name](const std::string &text) { target = parseBytes(name, text); };
  return app.add_option_function<std::string>(name, take, help)->type_name("BYTES");
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
