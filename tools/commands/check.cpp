// `check`: all problems of cell files, or nothing.
#include "dsl/frontend.h"
#include "tools/command.h"

#include <iostream>
#include <memory>

namespace cellwright {

Run addCheck(CLI::App &app) {
  auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("FILE", *files, "cell files")->required();
  return [files] {
    Frontend frontend;
    for (const std::string &file : *files)
      frontend.addFile(file);
    frontend.checkAll();
    std::cerr << frontend.renderProblems();
    return frontend.hasErrors() ? kBadInput : kDone;
  };
}

} // namespace cellwright
