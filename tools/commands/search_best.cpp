// `search best`: the best cells of a study as a file that other commands take.
#include "fmt/format.h"
#include "runtime/files.h"
#include "search/best_cells.h"
#include "tools/options.h"
#include "tools/study_arguments.h"

#include <iostream>

namespace cellwright {

namespace {

struct BestArguments {
  StudyArguments study;
  int64_t top = 1;
};

} // namespace

Run addSearchBest(CLI::App &app) {
  auto arguments = std::make_shared<BestArguments>();
  arguments->study.add(app);
  arguments->study.addOut(app, "file to write, as in winner.cell; without it, to stdout");
  addNumber(app, "--top", arguments->top, Range<int64_t>{1, 10'000},
            "cells to write; of several each has the number of its trial behind its name");
  return [arguments] {
    const StudyArguments &study = arguments->study;
    BestCells best = writeBestCells(*study.open(), study.study, arguments->top);
    if (study.out.empty())
      std::cout << best.text;
    else
      writeFile(study.out, best.text);
    if (best.count < arguments->top)
      std::cerr << fmt::format("only {} cell{} a quality on the study's task\n", best.count,
                               best.count == 1 ? " has" : "s have");
    return kDone;
  };
}

} // namespace cellwright
