// `gradcheck`: kernels against the interpreter and its differences.
#include "codegen/gradcheck.h"
#include "nlohmann/json.hpp"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/memory_needs.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/table.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct GradcheckArguments {
  CellArguments cell;
  EngineArguments engine;
  GradcheckOptions check;
  bool isJson = false;
};

/// Sizes that are left open: one panel is not full, and neither is one tile of rows.
constexpr int64_t kCheckedSize = 5;

void printTable(const std::vector<GradcheckRow> &rows) {
  Table table({{"tensor"},
               {"compared", Table::Align::Right},
               {"element", Table::Align::Right},
               {"kernel", Table::Align::Right},
               {"expected", Table::Align::Right},
               {"error", Table::Align::Right},
               {"limit", Table::Align::Right},
               {""}});
  bool hasLeftOut = false;
  for (const GradcheckRow &row : rows) {
    bool isWrong = row.error > row.limit;
    std::string verdict = isWrong ? "WRONG" : row.isGood() ? "" : "UNSURE";
    if (row.kinks > 0)
      verdict += fmt::format("{}{} left out", verdict.empty() ? "" : ", ", row.kinks);
    hasLeftOut |= row.kinks > 0;
    table.addRow({row.tensor, fmt::format("{}", row.compared), fmt::format("{}", row.element),
                  fmt::format("{:.9g}", row.found), fmt::format("{:.9g}", row.expected),
                  fmt::format("{:.1e}", row.error), fmt::format("{:.1e}", row.limit), verdict});
  }
  std::cout << table.text()
            << "\nThe worst element of each tensor; errors are relative to the tensor's largest "
               "magnitude.\nForward values are compared with the interpreter, gradients with "
               "differences of it.\n";
  if (hasLeftOut)
    std::cout
        << "Left out is where a difference says nothing: next to a kink, among numbers so large "
           "that rounding\nhides it, or if the run gives NaN or infinity. More left out than "
           "compared is unsure; another --seed\nmay say more.\n";
}

void printJson(const std::vector<GradcheckRow> &rows) {
  auto list = nlohmann::ordered_json::array();
  for (const GradcheckRow &row : rows)
    list.push_back({{"tensor", row.tensor},
                    {"compared", row.compared},
                    {"kinks", row.kinks},
                    {"element", row.element},
                    {"found", row.found},
                    {"expected", row.expected},
                    {"error", row.error},
                    {"limit", row.limit},
                    {"good", row.isGood()}});
  std::cout << list.dump(2) << "\n";
}

int run(const GradcheckArguments &arguments) {
  auto found = findCell(arguments.cell);
  if (!found)
    return kBadInput;
  auto bound = bindOrExplain(found->cell(), found->sources(), dimensionFacts(*found), kCheckedSize);
  if (!bound)
    return kBadInput;
  MemoryNeeds needs{arguments.check.steps, arguments.check.sequences, true, true};
  checkRunFits(found->cell(), *bound, needs);
  GradcheckOptions check = arguments.check;
  check.threads = arguments.engine.threads;
  CountedProgressLine line("difference");
  check.progress = [&](int64_t done, int64_t all) { line.show(done, all); };
  auto rows = checkGradients(found->cell(), *bound, arguments.engine.compileOptions(), check);
  line.clear();
  arguments.isJson ? printJson(rows) : printTable(rows);
  bool isGood = std::all_of(rows.begin(), rows.end(), [](const auto &row) { return row.isGood(); });
  return isGood ? kDone : kBadInput;
}

} // namespace

Run addGradcheck(CLI::App &app) {
  auto arguments = std::make_shared<GradcheckArguments>();
  arguments->engine.elementType = "f64";
  arguments->cell.add(app);
  GradcheckOptions &check = arguments->check;
  addNumber(app, "--steps", check.steps, Range<int64_t>{1, 10'000}, "steps T");
  addNumber(app, "--sequences", check.sequences, Range<int64_t>{1, 10'000}, "sequences N");
  addNumber(app, "--samples", check.samples, Range<int64_t>{1, 1'000'000},
            "elements of each tensor whose differences are taken");
  addSeed(app, check.seed, "of the random numbers");
  app.add_flag("--lengths", check.hasLengths, "sequences of different lengths");
  app.add_flag("--resets", check.hasResets, "states that start again within a sequence");
  app.add_flag("--json", arguments->isJson, "an array of objects");
  arguments->engine.addType(app);
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
