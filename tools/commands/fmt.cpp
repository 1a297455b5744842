// `fmt`: canonical layout.
#include "dsl/format.h"
#include "dsl/render.h"
#include "runtime/files.h"
#include "tools/command.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct FmtArguments {
  std::vector<std::string> files;
  bool isCheck = false;
};

/// Formats one file; false after problems, or if --check finds another layout.
bool formatFile(const std::string &path, bool isCheck) {
  std::string text = readFile(path);
  Diagnostics problems;
  auto formatted = formatText(text, 0, problems);
  if (!formatted) {
    problems.sort();
    Sources sources;
    sources.files.push_back({std::string_view(path), text});
    std::cerr << renderDiagnostics(problems, sources);
    return false;
  }
  if (*formatted == text)
    return true;
  if (isCheck) {
    std::cerr << path << ": not in canonical layout; run `cellwright fmt " << path << "`\n";
    return false;
  }
  writeFile(path, *formatted);
  return true;
}

} // namespace

Run addFmt(CLI::App &app) {
  auto arguments = std::make_shared<FmtArguments>();
  app.add_option("FILE", arguments->files, "cell files, changed in place")->required();
  app.add_flag("--check", arguments->isCheck, "change nothing; exit status 1 if something would");
  return [arguments] {
    bool isGood = true;
    for (const std::string &file : arguments->files)
      isGood &= formatFile(file, arguments->isCheck);
    return isGood ? kDone : kBadInput;
  };
}

} // namespace cellwright
