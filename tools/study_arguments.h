// What the commands on a study have in common: `STUDY -o FILE`.
#pragma once

#include "search/store.h"
#include "tools/command.h"

#include <memory>
#include <string>

namespace cellwright {

struct StudyArguments {
  std::string study, out;

  /// Adds STUDY.
  void add(CLI::App &app);
  /// Adds -o, which `help` describes; gives the option.
  CLI::Option *addOut(CLI::App &app, const std::string &help);

  /// Opens the study to read it, after a look whether -o can be written. Throws StoreError, or
  /// Error if -o is the study itself.
  std::unique_ptr<Store> open() const;
};

} // namespace cellwright
