// From words to a command: parsing, and what is said about words that do not fit.
#pragma once

#include "tools/command.h"

#include <string>
#include <vector>

namespace cellwright {

/// Parses the words behind the program's name; the callback of the command that they name runs.
/// Prints help or the version to stdout and gives kDone if they ask for that, -1 otherwise. Throws
/// UsageError that says what was expected and how to get help.
int parseCommandLine(CLI::App &app, const std::vector<std::string> &words);

} // namespace cellwright
