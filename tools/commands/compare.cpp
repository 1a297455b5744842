// `compare`: the fair table of some cells on a task.
#include "bench/cell_bench.h"
#include "bench/report.h"
#include "runtime/files.h"
#include "search/model_stack.h"
#include "tools/cell_arguments.h"
#include "tools/compare_tables.h"
#include "tools/engine_arguments.h"
#include "tools/model_builder.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/tasks_help.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct CompareArguments {
  std::vector<std::string> cells;
  CompareOptions options;
  EngineArguments engine;
  std::string html, csv;
  bool isJson = false;
};

/// The cells' texts; nothing after a problem was printed.
std::optional<std::vector<ComparedCell>> readCells(const std::vector<std::string> &names) {
  std::vector<ComparedCell> cells;
  for (const std::string &name : names) {
    CellArguments one;
    one.cell = name;
    std::vector<std::string> dimensions;
    auto text = describeCell(one, dimensions);
    if (!text)
      return std::nullopt;
    cells.push_back({name, std::move(*text)});
  }
  return cells;
}

/// Times a layer of each cell, at its size, over a batch of the task.
void measureSpeeds(const CompareArguments &arguments, const std::vector<ComparedCell> &cells,
                   CompareReport &report) {
  auto task = makeTask(arguments.options.task);
  TaskBatch batch = task->trainingBatch(arguments.options.seed, 0);
  report.steps = batch.steps;
  report.sequences = batch.sequences;
  report.machine = measureMachine(arguments.engine.threads);
  CellBenchOptions bench;
  bench.steps = batch.steps;
  bench.sequences = batch.sequences;
  bench.threads = arguments.engine.threads;
  bench.passes = {Pass::Forward, Pass::Both};
  for (size_t i = 0; i < cells.size(); ++i) {
    const CellOutcome &outcome = report.comparison.cells[i];
    ModelStack stack(describeModel(cells[i].text, task->form(), outcome.chosen));
    const SizedCell &layer = stack.layers().front();
    std::vector<BenchRow> rows =
        benchCell(layer.cell(), layer.bound, arguments.options.compile, bench, report.machine);
    double forward = rows[0].timing.median, both = rows[1].timing.median;
    auto steps = static_cast<double>(batch.steps);
    report.speeds.push_back(
        {forward / steps, (both - forward) / steps, figuresOf(rows[1]).percentOfBound});
  }
}

int run(CompareArguments arguments) {
  bool hasBoth = !arguments.html.empty() && !arguments.csv.empty();
  CELLWRIGHT_CHECK(!hasBoth || !isSameFile(arguments.html, arguments.csv),
                   "--out and --csv are the same file, `{}`; name another", arguments.csv);
  std::vector<std::string> inputs = {pathOfTask(arguments.options.task)};
  for (const std::string &cell : arguments.cells)
    inputs.push_back(fileOfCell(cell));
  checkIsNoInput("--out", arguments.html, inputs);
  checkIsNoInput("--csv", arguments.csv, inputs);
  for (const std::string &path : {arguments.html, arguments.csv})
    if (!path.empty())
      checkCanWrite(path);
  auto cells = readCells(arguments.cells);
  if (!cells)
    return kBadInput;
  CountedProgressLine line("update");
  CompareOptions &options = arguments.options;
  options.compile = arguments.engine.compileOptions();
  options.threads = arguments.engine.threads;
  options.progress = [&](int64_t done, int64_t all, const std::string &what) {
    line.show(done, all, "  " + what);
  };
  CompareReport report;
  report.comparison = compareCells(*cells, options);
  line.clear();
  measureSpeeds(arguments, *cells, report);
  if (!arguments.html.empty())
    writeFile(arguments.html, compareHtml(report));
  if (!arguments.csv.empty())
    writeFile(arguments.csv, compareCsv(report));
  std::cout << (arguments.isJson ? compareJson(report) : compareText(report));
  return kDone;
}

} // namespace

Run addCompare(CLI::App &app) {
  auto arguments = std::make_shared<CompareArguments>();
  CompareOptions &options = arguments->options;
  app.add_option("CELL", arguments->cells,
                 "lstm (shipped), path/file.cell or path/file.cell:name; two or more")
      ->required()
      ->expected(2, -1);
  app.add_option("--task", options.task, describeTasks())->required()->type_name("TASK");
  addCount(app, "--budget-params", options.budget,
           "parameters of a model at most, 50k; each cell gets the largest size within it");
  addNumber(app, "--layers", options.layers, Range<int64_t>{1, 100}, "layers of a model");
  addNumber(app, "--seeds", options.seeds, Range<int64_t>{1, 20},
            "runs of each cell that are averaged and tested");
  addNumber(app, "--tuning", options.tuning, Range<int64_t>{1, 10'000},
            "hyperparameters that are tried for each cell, the same for all");
  addNumber(app, "--updates", options.updates, Range<int64_t>{1, 1'000'000'000},
            "updates of each run");
  addSeed(app, options.seed, "of hyperparameters, first values and examples");
  addPath(app, "-o,--out", arguments->html, "writes a page with the table");
  addPath(app, "--csv", arguments->csv, "writes the table as CSV");
  app.add_flag("--json", arguments->isJson, "machine-readable, with the scores of all seeds");
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
