// What a command of the program is: a row of the table in main.cpp. A command adds its options to
// its part of the command line and gives the function that runs it.
#pragma once

#include "CLI/CLI.hpp"
#include "runtime/error.h"

#include <functional>
#include <string>

namespace cellwright {

/// Exit statuses: the contract of scripts.
enum ExitStatus : int {
  kDone = 0,
  kBadInput = 1, // the user's cell or data
  kBadCommandLine = 2,
};

/// A mistake on the command line that its parser cannot see.
class UsageError : public Error {
public:
  using Error::Error;
};

/// Runs the command; gives the exit status. Throws Error for bad input, UsageError for a bad
/// command line.
using Run = std::function<int()>;

struct CommandRow {
  const char *name;
  const char *help;
  const char *example; // command lines, one a line
  Run (*add)(CLI::App &app);
};

// One function per file of commands/, named for it.
Run addBench(CLI::App &app);
Run addCheck(CLI::App &app);
Run addCompare(CLI::App &app);
Run addCompile(CLI::App &app);
Run addConvert(CLI::App &app);
Run addEvalLm(CLI::App &app);
Run addFmt(CLI::App &app);
Run addGenotypeExport(CLI::App &app);
Run addGenotypeImport(CLI::App &app);
Run addGradcheck(CLI::App &app);
Run addList(CLI::App &app);
Run addRun(CLI::App &app);
Run addSample(CLI::App &app);
Run addSearch(CLI::App &app);
Run addSearchBest(CLI::App &app);
Run addSearchExport(CLI::App &app);
Run addSearchReplay(CLI::App &app);
Run addSearchReport(CLI::App &app);
Run addSearchStatus(CLI::App &app);
Run addSearchWorker(CLI::App &app);
Run addShow(CLI::App &app);
Run addSpace(CLI::App &app);
Run addTrainLm(CLI::App &app);

} // namespace cellwright
