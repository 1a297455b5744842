// `bench`: time of cells against the bounds of the machine that were measured in the same run.
#include "bench/bench_server.h"
#include "bench/cell_bench.h"
#include "bench/report.h"
#include "bench/suites.h"
#include "runtime/files.h"
#include "tools/bench_tables.h"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/lm_bench.h"
#include "tools/memory_needs.h"
#include "tools/options.h"
#include "tools/progress.h"

#include "dsl/library.h"

#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <sched.h>

namespace cellwright {

namespace {

struct BenchArguments {
  std::vector<std::string> cells;
  CellArguments settings; // sizes and options of all cells
  EngineArguments engine;
  CellBenchOptions bench;
  std::vector<int> threads = {1}; // each row with each of these
  std::string suite, html;
  bool isQuick = false, isNightly = false, isJson = false, serves = false;

  int mostThreads() const { return *std::max_element(threads.begin(), threads.end()); }
  Extent extent() const {
    return isQuick ? Extent::Quick : isNightly ? Extent::Nightly : Extent::Usual;
  }
};

constexpr int64_t kBenchedSize = 256;

std::string today() {
  std::time_t now = std::time(nullptr);
  char text[16] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d", std::localtime(&now));
  return text;
}

/// Others' thread pools take as many processors as the process has: it gets as many of those it
/// began with as it uses.
void limitProcessors(int threads) {
  cpu_set_t few;
  static const std::optional<cpu_set_t> kAll = [] {
    cpu_set_t set;
    bool isKnown = sched_getaffinity(0, sizeof set, &set) == 0;
    return isKnown ? std::optional(set) : std::nullopt;
  }();
  if (!kAll)
    return;
  cpu_set_t all = *kAll;
  CPU_ZERO(&few);
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

std::vector<BenchRow> benchOne(const BenchArguments &arguments, const SuiteEntry &entry,
                               CellBenchOptions options, const Machine &machine) {
  SizedCell cell = sizeCell(arguments, entry.cell, entry);
  options.sequences = entry.N;
  options.steps = entry.T;
  std::vector<BenchRow> all;
  for (int threads : arguments.threads) {
    limitProcessors(threads);
    options.threads = threads;
    for (BenchRow &row : benchCell(cell.found.cell(), cell.bound, arguments.engine.compileOptions(),
                                   options, machine))
      all.push_back(std::move(row));
  }
  return all;
}

std::vector<BenchRow> compileOne(const BenchArguments &arguments, const SuiteEntry &entry,
                                 double seconds) {
  constexpr int64_t kSteps[] = {10, 10'000};
  SizedCell cell = sizeCell(arguments, entry.cell, entry);
  return benchCompile(cell.found.cell(), cell.bound, arguments.engine.compileOptions(), kSteps,
                      seconds);
}

std::vector<BenchRow> trainOne(const BenchArguments &arguments, const SuiteEntry &entry,
                               double seconds) {
  ServedRequest request;
  request.cell = entry.cell;
  request.H = entry.H;
  request.N = entry.N;
  request.T = entry.T;
  std::vector<BenchRow> rows;
  for (int threads : arguments.threads) {
    limitProcessors(threads);
    rows.push_back(
        benchLanguageModel(request, arguments.engine.compileOptions(), threads, seconds));
  }
  return rows;
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
  Frontend frontend;
  frontend.addLibrary();
  frontend.checkAll();
  std::vector<std::string> names;
  for (CellId id = 0; id < static_cast<CellId>(frontend.program().cells.size()); ++id)
    names.emplace_back(frontend.program().nameOf(id));
  return names;
}

std::vector<SuiteEntry> entriesOf(const BenchArguments &arguments, const SuiteRow &suite) {
  std::vector<std::string> cells = arguments.cells;
  if (cells.empty())
    for (std::string_view name : suite.cells(arguments.extent()))
      cells.emplace_back(name);
  std::vector<SuiteEntry> entries;
  for (const SuiteEntry &entry : suite.entries(arguments.extent())) {
    if (!entry.cell.empty())
      entries.push_back(entry);
    else
      for (const std::string &cell : cells.empty() ? shippedCells() : cells) {
        entries.push_back(entry);
        entries.back().cell = cell;
      }
  }
  return entries;
}

std::vector<BenchRow> runEntry(const BenchArguments &arguments, const SuiteRow &suite,
                               const SuiteEntry &entry, const Machine &machine) {
  CellBenchOptions options = arguments.bench;
  constexpr double kQuickSeconds = 0.2;
  if (arguments.isQuick)
    options.seconds = std::min(options.seconds, kQuickSeconds);
  switch (suite.measured) {
  case Measured::Compile:
    return compileOne(arguments, entry, options.seconds);
  case Measured::LanguageModel:
    return trainOne(arguments, entry, options.seconds);
  case Measured::Passes:
    break;
  }
  options.passes = entry.isForwardOnly ? std::vector{Pass::Forward} : suite.passes;
  if (suite.isRagged)
    options.lengths = drawLengths(entry);
  return benchOne(arguments, entry, options, machine);
}

void runSuite(const BenchArguments &arguments, const SuiteRow &suite, BenchReport &report) {
  std::vector<SuiteEntry> entries = entriesOf(arguments, suite);
  ProgressLine progress;
  for (size_t i = 0; i < entries.size(); ++i) {
    const SuiteEntry &entry = entries[i];
    progress.show(fmt::format("{} {}/{}  {} H {} N {} T {}", suite.name, i + 1, entries.size(),
                              entry.cell, entry.H, entry.N, entry.T));
    for (BenchRow &row : runEntry(arguments, suite, entry, report.machine)) {
      row.suite = suite.name;
      report.rows.push_back(std::move(row));
    }
  }
  progress.clear();
}

/// The cells that the user names, at one shape.
void runCells(const BenchArguments &arguments, BenchReport &report) {
  ProgressLine progress;
  for (const std::string &name : arguments.cells) {
    progress.show("measuring " + name);
    SuiteEntry entry{name, kBenchedSize, kBenchedSize, arguments.bench.sequences,
                     arguments.bench.steps};
    for (BenchRow &row : benchOne(arguments, entry, arguments.bench, report.machine))
      report.rows.push_back(std::move(row));
  }
  progress.clear();
}

/// What a line of `--serve` asks for.
ServedRun serve(const BenchArguments &arguments, const ServedRequest &request) {
  CompileOptions compile = arguments.engine.compileOptions();
  if (request.task == "lm")
    return makeLanguageModelRun(request, compile, arguments.mostThreads());
  CELLWRIGHT_CHECK(request.task == "cell", "task: expected `cell` or `lm`, got `{}`", request.task);
  SuiteEntry entry{request.cell, request.I, request.H, request.N, request.T};
  auto owner = std::make_shared<SizedCell>(sizeCell(arguments, request.cell, entry));
  return makeCellRun(owner, owner->found.cell(), owner->bound, request, compile,
                     arguments.mostThreads());
}

int run(const BenchArguments &arguments) {
  if (!arguments.html.empty())
    checkCanWrite(arguments.html);
  bool hasSuites = !arguments.suite.empty() || arguments.isQuick || arguments.isNightly;
  // What is wrong with them is said before the machine is measured.
  for (const std::string &name : arguments.cells)
    (void)sizeCell(
        arguments, name,
        {name, kBenchedSize, kBenchedSize, arguments.bench.sequences, arguments.bench.steps});
  limitProcessors(arguments.mostThreads());
  if (arguments.serves) {
    serveBench(std::cin, std::cout,
               [&](const ServedRequest &request) { return serve(arguments, request); });
    return kDone;
  }
  BenchReport report;
  report.date = today();
  report.machine = measureMachine(arguments.mostThreads());
  if (!hasSuites)
    runCells(arguments, report);
  for (const SuiteRow &suite : suiteRows())
    if (hasSuites && (arguments.suite.empty() || suite.name == arguments.suite))
      runSuite(arguments, suite, report);
  if (!arguments.html.empty())
    writeFile(arguments.html, toHtml(report));
  std::cout << (arguments.isJson ? toJson(report) : benchText(report));
  return kDone;
}

/// --threads 1 2: each row with each number.
void addThreads(CLI::App &app, BenchArguments &arguments) {
  auto take = [&arguments](const std::vector<std::string> &texts) {
    arguments.threads.clear();
    for (const std::string &text : texts)
      arguments.threads.push_back(
          static_cast<int>(parseOption("--threads", text, Range<int64_t>{1, 1024})));
    std::sort(arguments.threads.begin(), arguments.threads.end());
    return true;
  };
  app.add_option_function<std::vector<std::string>>(
         "--threads", [take](const std::vector<std::string> &texts) { take(texts); },
         "each row with each of these numbers of threads: --threads 1 2")
      ->type_name("N...")
      ->default_str("1")
      ->group("Machine");
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
  auto *quick = app.add_flag("--quick", arguments->isQuick,
                             "all suites, or the one named, in few cells and shapes: some two "
                             "minutes on a core of today");
  app.add_flag("--nightly", arguments->isNightly,
               "all suites, or the one named, with all their cells and shapes: hours")
      ->excludes(quick);
  CellBenchOptions &bench = arguments->bench;
  app.add_flag("--peers", bench.hasPeers,
               "other implementations in turn with ours: a plain one, and oneDNN if it was found "
               "when this program was built");
  arguments->settings.addSettings(app);
  addNumber(app, "--steps", bench.steps, Range<int64_t>{1, 1'000'000}, "steps T, without a suite");
  addNumber(app, "--sequences", bench.sequences, Range<int64_t>{1, 1'000'000},
            "sequences N, without a suite");
  addNumber(app, "--seconds", bench.seconds, Range<double>{0.01, 3600},
            "time spent on each cell, shape and number of threads");
  app.add_flag("--phases", bench.hasPhases,
               "also where the time goes, phase by phase, on the first thread");
  app.add_flag("--serve", arguments->serves,
               "measures what standard input asks for, one JSON object a line, {cell, I, H, N, T, "
               "seconds}; for scripts that measure several programs in turn");
  app.add_flag("--json", arguments->isJson, "machine-readable; `bench/compare` reads it");
  addPath(app, "--html", arguments->html, "writes a page with rooflines and tables");
  arguments->engine.addType(app);
  arguments->engine.addTarget(app);
  addThreads(app, *arguments);
  app.footer(std::string(countingNote()));
  return [arguments] {
    bool hasWork = !arguments->cells.empty() || !arguments->suite.empty() || arguments->isQuick ||
                   arguments->isNightly || arguments->serves;
    if (!hasWork)
      throw UsageError("bench: name a cell, as in `cellwright bench lstm`, or a --suite");
    // A second number makes a second pool of OpenMP, whose threads then share their processors.
    if (arguments->bench.hasPeers && arguments->threads.size() > 1)
      throw UsageError(
          "bench: --peers measures one number of --threads a run; run it once for each");
    return run(*arguments);
  };
}

} // namespace cellwright
