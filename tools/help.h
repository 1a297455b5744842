// Help as it is printed: what a command does, how it is called, its options in groups, an example.
#pragma once

#include "CLI/CLI.hpp"

#include <string>

namespace cellwright {

/// The help of a command; `name` is how it is called: `cellwright train lm`.
std::string formatHelp(const CLI::App &app, const std::string &name);

/// False for what only groups others, `train` of `train lm`.
bool isCommand(const CLI::App &app);

/// Makes `--help` of an app and of its commands print `formatHelp`.
void useHelp(CLI::App &app);

} // namespace cellwright
