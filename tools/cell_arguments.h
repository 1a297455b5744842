// The arguments with which a command names a cell: `CELL --dim H=16 --set k=0.5`, and how they
// become a checked cell with numbers.
#pragma once

#include "dsl/bind.h"
#include "dsl/frontend.h"
#include "tools/command.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cellwright {

/// Options as they were given.
struct CellArguments {
  std::string cell;
  std::vector<std::string> dimensions; // H=16
  std::vector<std::string> settings;   // k=0.5

  /// Adds CELL, --dim and --set.
  void add(CLI::App &app);
  /// Adds --dim and --set only.
  std::array<CLI::Option *, 2> addSettings(CLI::App &app);
};

/// The numbers of `--dim` and `--set`, whose names view the arguments. Throws UsageError where one
/// is not NAME=NUMBER, or a name has two numbers.
Settings parseSettings(const CellArguments &arguments);

/// The file of a cell's or a space's argument, `path/file.cell:name`; empty for a name alone.
std::string fileOfCell(const std::string &argument);

/// Finds and checks a cell; prints its problems to stderr. Throws UsageError as `parseSettings`.
std::optional<FoundCell> findCell(const CellArguments &arguments);

/// The numbers of `--dim` as facts about the cell.
std::vector<SizeFact> dimensionFacts(const FoundCell &found);

/// Numbers for all sizes; what `facts` leave open is `others`. Prints problems to stderr.
std::optional<Bound> bindOrExplain(const Cell &cell, const Sources &sources,
                                   std::vector<SizeFact> facts,
                                   std::optional<int64_t> others = std::nullopt);

} // namespace cellwright
