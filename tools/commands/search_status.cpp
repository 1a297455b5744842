// `search status`: how a search stands.
#include "search/status.h"
#include "tools/options.h"
#include "tools/search_tables.h"
#include "tools/study_arguments.h"

#include <iostream>

namespace cellwright {

namespace {

struct StatusArguments {
  StudyArguments study;
  int64_t top = 10;
  bool isJson = false;
};

} // namespace

Run addSearchStatus(CLI::App &app) {
  auto arguments = std::make_shared<StatusArguments>();
  arguments->study.add(app);
  addNumber(app, "--top", arguments->top, Range<int64_t>{1, 10'000}, "best trials to show");
  app.add_flag("--json", arguments->isJson, "an object");
  return [arguments] {
    SearchStatus status = readStatus(*arguments->study.open(), arguments->top);
    std::cout << (arguments->isJson ? statusJson(status) : statusText(status));
    return kDone;
  };
}

} // namespace cellwright
