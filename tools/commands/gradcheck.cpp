// `gradcheck`: kernels against the interpreter and its differences.
#include "codegen/gradcheck.h"
#include "nlohmann/json.hpp"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
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
  for (const GradcheckRow &row : rows) {
    std::string verdict = row.isGood() ? "" : "WRONG";
    if (row.kinks > 0)
      verdict += fmt::format("{}{} at kinks left out", verdict.empty() ? "" : ", ", row.kinks);
    table.addRow({row.tensor, fmt::format("{}", row.compared), fmt::format("{}", row.element),
                  fmt::format("{:.9g}", row.found), fmt::format("{:.9g}", row.expected),
                  fmt::format("{:.1e}", row.error), fmt::format("{:.1e}", row.limit), verdict});
  }
  std::cout << table.text()
            << "\nThe worst element of each tensor; errors are relative to the tensor's largest "
               "magnitude.\nForward values are compared with the interpreter, gradients with "
               "differences of it.\n";
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
  GradcheckOptions check = arguments.check;
  check.threads = arguments.engine.threads;
  auto rows = checkGradients(found->cell(), *bound, arguments.engine.compileOptions(), check);
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
  app.add_option("--steps", check.steps, "steps T")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--sequences", check.sequences, "sequences N")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--samples", check.samples, "elements of each tensor whose differences are taken")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--seed", check.seed, "of the random numbers")->capture_default_str();
  app.add_flag("--lengths", check.hasLengths, "sequences of different lengths");
  app.add_flag("--resets", check.hasResets, "states that start again within a sequence");
  app.add_flag("--json", arguments->isJson, "an array of objects");
  arguments->engine.add(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
