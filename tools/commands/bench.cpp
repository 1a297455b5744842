// `bench`: time of cells against the bounds of the machine that were measured in the same run.
#include "bench/bench_server.h"
#include "bench/cell_bench.h"
#include "bench/report.h"
#include "bench/suites.h"
#include "runtime/files.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/memory_needs.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/table.h"

#include "dsl/library.h"

#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>
#include <random>
#include <sched.h>

namespace cellwright {

namespace {

struct BenchArguments {
  std::vector<std::string> cells;
  CellArguments settings; // sizes and options of all cells
  EngineArguments engine;
  CellBenchOptions bench;
  std::string suite, html;
  bool isNightly = false, isJson = false, hasPeers = false, serves = false;
};

constexpr int64_t kBenchedSize = 256;

std::string today() {
  std::time_t now = std::time(nullptr);
  char text[16] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now));
  return text;
}

/// Others' thread pools take as many processors as the process has: it gets as many as it uses.
void limitProcessors(int threads) {
  cpu_set_t all, few;
  CPU_ZERO(&few);
  if (sched_getaffinity(0, sizeof all, &all) != 0)
    return;
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&few) < threads; ++cpu)
    if (CPU_ISSET(cpu, &all))
      CPU_SET(cpu, &few);
  sched_setaffinity(0, sizeof few, &few);
}

struct SizedCell {
  FoundCell found;
  Bound bound;
};

/// A cell at one shape; sizes that are not given are the entry's.
SizedCell sizeCell(const BenchArguments &arguments, const std::string &name,
                   const SuiteEntry &entry) {
  CellArguments one = arguments.settings;
  one.cell = name;
  auto found = findCell(one);
  if (!found)
    throw Error(fmt::format("`{}` cannot be measured", name));
  std::vector<SizeFact> facts = dimensionFacts(*found);
  auto isGiven = [&](std::string_view dimension) {
    return std::any_of(found->settings.dimensions.begin(), found->settings.dimensions.end(),
                       [&](const Setting &setting) { return setting.name == dimension; });
  };
  for (const Dimension &dimension : found->cell().dimensions)
    if (dimension.name == "I" && !isGiven("I") && entry.I != entry.H)
      addDimensionFact(found->cell(), "I", entry.I, facts);
  auto bound = bindOrExplain(found->cell(), found->sources(), facts, entry.H);
  if (!bound)
    throw Error(fmt::format("`{}` does not take these sizes", name));
  checkRunFits(found->cell(), *bound, {entry.T, entry.N, arguments.engine.isDouble(), true});
  return {std::move(*found), std::move(*bound)};
}

std::vector<BenchRow> benchOne(const BenchArguments &arguments, const std::string &name,
                               const SuiteEntry &entry, CellBenchOptions options,
                               const Machine &machine) {
  SizedCell cell = sizeCell(arguments, name, entry);
  options.sequences = entry.N;
  options.steps = entry.T;
  return benchCell(cell.found.cell(), cell.bound, arguments.engine.compileOptions(), options,
                   machine);
}

/// Lengths drawn evenly from 1 to T, the same in every run.
std::vector<int64_t> drawLengths(const SuiteEntry &entry) {
  std::mt19937_64 engine(1);
  std::vector<int64_t> lengths;
  for (int64_t n = 0; n < entry.N; ++n)
    lengths.push_back(1 + static_cast<int64_t>(engine() % static_cast<uint64_t>(entry.T)));
  return lengths;
}

std::vector<std::string> shippedCells() {
  Frontend frontend(Frontend::Library::WhenNeeded);
  frontend.addLibrary();
  std::vector<std::string> names;
  for (CellId id = 0; id < static_cast<CellId>(frontend.program().cells.size()); ++id)
    names.emplace_back(frontend.program().nameOf(id));
  return names;
}

void runSuite(const BenchArguments &arguments, const SuiteRow &suite, BenchReport &report) {
  Extent extent = arguments.isNightly ? Extent::Nightly : Extent::Short;
  std::vector<std::string> cells = arguments.cells;
  if (cells.empty())
    for (std::string_view name : suite.cells(extent))
      cells.emplace_back(name);
  std::vector<SuiteEntry> entries;
  for (const SuiteEntry &entry : suite.entries(extent)) {
    if (!entry.cell.empty())
      entries.push_back(entry);
    else
      for (const std::string &cell : cells.empty() ? shippedCells() : cells) {
        entries.push_back(entry);
        entries.back().cell = cell;
      }
  }
  ProgressLine progress;
  for (size_t i = 0; i < entries.size(); ++i) {
    const SuiteEntry &entry = entries[i];
    progress.show(fmt::format("{} {}/{}  {} H {} N {} T {}", suite.name, i + 1, entries.size(),
                              entry.cell, entry.H, entry.N, entry.T));
    CellBenchOptions options = arguments.bench;
    options.passes = entry.isForwardOnly ? std::vector{Pass::Forward} : suite.passes;
    if (suite.isRagged)
      options.lengths = drawLengths(entry);
    for (BenchRow &row : benchOne(arguments, entry.cell, entry, options, report.machine)) {
      row.suite = suite.name;
      report.rows.push_back(std::move(row));
    }
  }
  progress.clear();
}

std::string number(double value, const char *form) {
  return value > 0 ? fmt::format(fmt::runtime(form), value) : "";
}

/// Where the time of each cell goes, if that was asked for.
void printPhases(const BenchReport &report) {
  for (const BenchRow &row : report.rows) {
    if (row.phases.empty())
      continue;
    Table table({{"phase"},
                 {"calls", Table::Align::Right},
                 {"ms", Table::Align::Right},
                 {"part", Table::Align::Right}});
    double sum = 0;
    for (const PhaseRow &phase : row.phases)
      sum += phase.seconds;
    for (const PhaseRow &phase : row.phases)
      if (phase.calls > 0)
        table.addRow({phase.name, fmt::format("{}", phase.calls),
                      fmt::format("{:.3f}", 1e3 * phase.seconds),
                      fmt::format("{:.1f} %", 100 * phase.seconds / sum)});
    std::cout << fmt::format("{}, H {}, N {}, T {}, {}: {:.3f} ms in phases\n", row.cell, row.H,
                             row.N, row.T, row.pass, 1e3 * sum)
              << table.text() << "\n";
  }
}

/// What a tenth of the tape's memory costs, where both were measured in turn.
std::string limitText(const BenchReport &report) {
  std::string text;
  for (size_t i = 1; i < report.rows.size(); ++i) {
    const BenchRow &whole = report.rows[i - 1], &limited = report.rows[i];
    if (limited.pass == nameOf(Pass::BothLimited) && whole.pass == nameOf(Pass::Both))
      text += fmt::format("{}, H {}, N {}, T {}: a tenth of the tape takes {:.2f} times the time\n",
                          limited.cell, limited.H, limited.N, limited.T,
                          limited.timing.median / whole.timing.median);
  }
  return text;
}

void printTable(const BenchReport &report, const BenchArguments &arguments) {
  Table table({{"cell"},
               {"H", Table::Align::Right},
               {"N", Table::Align::Right},
               {"T", Table::Align::Right},
               {"by"},
               {"pass"},
               {"median ms", Table::Align::Right},
               {"least ms", Table::Align::Right},
               {"spread", Table::Align::Right},
               {"GF/s", Table::Align::Right},
               {"of peak", Table::Align::Right},
               {"of bound", Table::Align::Right},
               {"tape", Table::Align::Right}});
  for (const BenchRow &row : report.rows) {
    RowFigures figures = figuresOf(row, report.machine);
    table.addRow(
        {row.cell, fmt::format("{}", row.H), fmt::format("{}", row.N), fmt::format("{}", row.T),
         row.implementation, row.pass, fmt::format("{:.4g}", 1e3 * row.timing.median),
         fmt::format("{:.4g}", 1e3 * row.timing.least),
         fmt::format("{:.0f} %", 100 * row.timing.spread),
         number(figures.flopsPerSecond / 1e9, "{:.1f}"), number(figures.percentOfPeak, "{:.1f} %"),
         number(figures.percentOfBound, "{:.0f} %"),
         number(static_cast<double>(row.tapeBytes), "{:.0f}")});
  }
  std::cout << machineText(report.machine)
            << fmt::format("{}, {} thread{}; tape in bytes per step and sequence, beside the "
                           "states\n\n",
                           arguments.engine.elementType, arguments.engine.threads,
                           arguments.engine.threads == 1 ? "" : "s")
            << table.text() << "\n"
            << limitText(report);
  printPhases(report);
  std::cout << countingNote();
  std::string compiled;
  for (const BenchRow &row : report.rows)
    if (row.compileSeconds > 0 && row.pass == nameOf(arguments.bench.passes.front()))
      compiled += fmt::format("{}{} {:.0f} ms", compiled.empty() ? "compiled in: " : ", ", row.cell,
                              1e3 * row.compileSeconds);
  std::cout << compiled << "\n";
}

/// A shipped cell at the sizes of a request.
std::optional<ServedCell> serveCell(const std::string &name, int64_t I, int64_t H) {
  CellArguments one;
  one.cell = name;
  auto found = findCell(one);
  if (!found)
    return std::nullopt;
  std::vector<SizeFact> facts;
  for (const Dimension &dimension : found->cell().dimensions)
    if (dimension.name == "I")
      addDimensionFact(found->cell(), "I", I, facts);
  auto bound = bindOrExplain(found->cell(), found->sources(), facts, H);
  if (!bound)
    return std::nullopt;
  auto owner = std::make_shared<FoundCell>(std::move(*found));
  return ServedCell{owner, owner->cell(), *bound};
}

int run(const BenchArguments &arguments) {
  if (!arguments.html.empty())
    checkCanWrite(arguments.html);
  SuiteEntry entry{"", kBenchedSize, kBenchedSize, arguments.bench.sequences,
                   arguments.bench.steps};
  // What is wrong with them is said before the machine is measured.
  for (const std::string &name : arguments.cells)
    if (arguments.suite.empty())
      (void)sizeCell(arguments, name, entry);
  limitProcessors(arguments.engine.threads);
  if (arguments.serves) {
    serveBench(std::cin, std::cout, serveCell, arguments.engine.compileOptions(),
               arguments.engine.threads);
    return kDone;
  }
  BenchReport report;
  report.date = today();
  report.machine = measureMachine(arguments.engine.threads);
  if (arguments.suite.empty()) {
    ProgressLine progress;
    for (const std::string &name : arguments.cells) {
      progress.show("measuring " + name);
      for (BenchRow &row : benchOne(arguments, name, entry, arguments.bench, report.machine))
        report.rows.push_back(std::move(row));
    }
    progress.clear();
  } else {
    runSuite(arguments, *findSuite(arguments.suite), report);
  }
  if (!arguments.html.empty())
    writeFile(arguments.html, toHtml(report));
  if (arguments.isJson)
    std::cout << toJson(report);
  else
    printTable(report, arguments);
  return kDone;
}

} // namespace

Run addBench(CLI::App &app) {
  auto arguments = std::make_shared<BenchArguments>();
  arguments->engine.usesCache = false;
  app.add_option("CELL", arguments->cells,
                 "lstm (shipped), path/file.cell or path/file.cell:name; with a suite, instead of "
                 "its own cells");
  std::string help = "what is measured together:";
  std::vector<std::string> names;
  for (const SuiteRow &suite : suiteRows()) {
    names.emplace_back(suite.name);
    help += fmt::format("\n{}: {}", suite.name, suite.help);
  }
  addChoice(app, "--suite", arguments->suite, names, help);
  app.add_flag("--nightly", arguments->isNightly,
               "all cells and shapes of the suite, not those of some two minutes");
  app.add_flag("--peers", arguments->hasPeers,
               "other implementations in turn with ours: a plain one, and oneDNN if it was found "
               "when this program was built");
  arguments->settings.addSettings(app);
  CellBenchOptions &bench = arguments->bench;
  addNumber(app, "--steps", bench.steps, Range<int64_t>{1, 1'000'000}, "steps T, without a suite");
  addNumber(app, "--sequences", bench.sequences, Range<int64_t>{1, 1'000'000},
            "sequences N, without a suite");
  addNumber(app, "--seconds", bench.seconds, Range<double>{0.01, 3600},
            "time spent on each cell and shape");
  app.add_flag("--phases", arguments->bench.hasPhases,
               "also where the time goes, phase by phase, on the first thread");
  app.add_flag("--serve", arguments->serves,
               "measures what standard input asks for, one JSON object a line, {cell, I, H, N, T, "
               "seconds}; for scripts that measure several programs in turn");
  app.add_flag("--json", arguments->isJson, "machine-readable");
  addPath(app, "--html", arguments->html, "writes a page with rooflines and tables");
  arguments->engine.addType(app);
  arguments->engine.addMachine(app);
  return [arguments] {
    if (arguments->cells.empty() && arguments->suite.empty() && !arguments->serves)
      throw UsageError("bench: name a cell, as in `cellwright bench lstm`, or a --suite");
    arguments->bench.threads = arguments->engine.threads;
    arguments->bench.hasPeers = arguments->hasPeers;
    return run(*arguments);
  };
}

} // namespace cellwright
