// Options with a value that is checked: what was expected and what was found are said in the same
// way for all. What one gets wrong: the parser's own conversions take `010` as eight and the empty
// text as nothing, so values come here as text.
#pragma once

#include "tools/command.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cellwright {

/// The numbers that an option takes, both ends included.
template <typename Number> struct Range {
  Number least = 0;
  Number most = std::numeric_limits<Number>::max();
};

/// Reads a number that is nothing else. Throws UsageError that begins with the option's name.
int64_t parseOption(const std::string &name, const std::string &text, Range<int64_t> range);
uint64_t parseOption(const std::string &name, const std::string &text, Range<uint64_t> range);
double parseOption(const std::string &name, const std::string &text, Range<double> range);

/// Splits NAME=NUMBER. Throws UsageError, in the name of `option`, if it is none or not finite.
std::pair<std::string, double> parseNamedNumber(const std::string &option, const std::string &text);

/// Throws Error if `path`, which `option` says to write, is one of the files that are read; empty
/// ones are none.
void checkIsNoInput(const std::string &option, const std::string &path,
                    const std::vector<std::string> &inputs);

/// What help shows as the default: nothing for what is absent.
std::string defaultText(int64_t value);
std::string defaultText(uint64_t value);
std::string defaultText(double value);
template <typename Number> std::string defaultText(const std::optional<Number> &value) {
  return value ? defaultText(*value) : "";
}

/// Adds an option that takes a number; the target's value is its default.
template <typename Number, typename Target>
CLI::Option *addNumber(CLI::App &app, const std::string &name, Target &target, Range<Number> range,
                       const std::string &help) {
  auto take = [&target, name, range](const std::string &text) {
    target = static_cast<Target>(parseOption(name, text, range));
  };
  CLI::Option *option = app.add_option_function<std::string>(name, take, help);
  option->type_name(std::is_same_v<Number, double> ? "X" : "N");
  if constexpr (std::is_arithmetic_v<Target>)
    option->default_str(defaultText(static_cast<Number>(target)));
  else
    option->default_str(defaultText(target));
  return option;
}

/// Adds --seed: any number of 64 bits.
template <typename Target>
CLI::Option *addSeed(CLI::App &app, Target &target, const std::string &help) {
  return addNumber(app, "--seed", target, Range<uint64_t>(), help);
}

/// Reads a number of bytes with its unit, `512MB`: B, KB, MB, GB, TB are powers of 1000, KiB, MiB,
/// GiB, TiB of 1024. Throws UsageError that begins with the option's name.
int64_t parseBytes(const std::string &name, const std::string &text);
/// Adds an option that takes a number of bytes.
CLI::Option *addBytes(CLI::App &app, const std::string &name, std::optional<int64_t> &target,
                      const std::string &help);

/// Reads a whole number above 0, `50k` and `1.5M` too: powers of 1000. Throws UsageError that
/// begins with the option's name.
int64_t parseCount(const std::string &name, const std::string &text);
/// Adds an option that takes such a number; the target's value is its default.
CLI::Option *addCount(CLI::App &app, const std::string &name, int64_t &target,
                      const std::string &help);

/// Reads a time above 0 with its unit, `90s`, `1.5h`: s, m, h, d. Gives seconds. Throws UsageError
/// that begins with the option's name.
double parseDuration(const std::string &name, const std::string &text);
/// Adds an option that takes a time, in seconds.
CLI::Option *addDuration(CLI::App &app, const std::string &name, double &target,
                         const std::string &help);

/// How help shows what an option takes that has so many choices: them, or, if they are long, NAME.
std::string choiceName(const std::vector<std::string> &choices);
/// Adds an option that takes one of some words.
CLI::Option *addChoice(CLI::App &app, const std::string &name, std::string &target,
                       const std::vector<std::string> &choices, const std::string &help);

/// Adds an option that takes a path.
CLI::Option *addPath(CLI::App &app, const std::string &name, std::string &target,
                     const std::string &help);

} // namespace cellwright
