// `bench`: time of cells, and percent of the peak that was measured in the same run.
#include "bench/cell_bench.h"
#include "bench/machine.h"
#include "nlohmann/json.hpp"
#include "tools/cell_arguments.h"
#include "tools/engine_arguments.h"
#include "tools/memory_needs.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/table.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct BenchArguments {
  std::vector<std::string> cells;
  CellArguments settings; // sizes and options of all cells
  EngineArguments engine;
  CellBenchOptions bench;
  bool isJson = false;
};

constexpr int64_t kBenchedSize = 256;

/// What is measured, with its flops.
struct Pass {
  const char *name;
  Timing CellBenchResult::*timing;
  bool isBoth;
};

constexpr Pass kPasses[] = {
    {"forward", &CellBenchResult::forward, false},
    {"forward, keeping the tape", &CellBenchResult::forwardTape, false},
    {"forward + backward", &CellBenchResult::both, true},
};

class Report {
public:
  explicit Report(const BenchArguments &arguments)
      : arguments(arguments), peak(measurePeakFlops(arguments.engine.isDouble())) {}

  void add(const std::string &name, const CellBenchResult &result) {
    for (const Pass &pass : kPasses) {
      const Timing &timing = result.*pass.timing;
      double flops = result.flopsForward + (pass.isBoth ? result.flopsBackward : 0);
      double speed = flops / timing.median;
      double percent = 100 * speed / (peak * arguments.engine.threads);
      table.addRow({name, pass.name, fmt::format("{:.3f}", 1e3 * timing.median),
                    fmt::format("{:.3f}", 1e3 * timing.least),
                    fmt::format("{:.0f} %", 100 * timing.spread),
                    fmt::format("{:.1f}", speed / 1e9), fmt::format("{:.1f} %", percent)});
      rows.push_back({{"cell", name},
                      {"pass", pass.name},
                      {"median_seconds", timing.median},
                      {"least_seconds", timing.least},
                      {"spread", timing.spread},
                      {"runs", timing.runs},
                      {"flops", flops},
                      {"percent_of_peak", percent},
                      {"tape_bytes_per_step", result.tapeBytes},
                      {"compile_seconds", result.compileSeconds}});
    }
    compiles += fmt::format("{}{} {:.0f} ms", compiles.empty() ? "" : ", ", name,
                            1e3 * result.compileSeconds);
  }

  void print() const {
    double threads = arguments.engine.threads;
    if (arguments.isJson) {
      nlohmann::ordered_json report = {{"type", arguments.engine.elementType},
                                       {"threads", arguments.engine.threads},
                                       {"peak_flops_per_core", peak},
                                       {"steps", arguments.bench.steps},
                                       {"sequences", arguments.bench.sequences},
                                       {"rows", rows}};
      std::cout << report.dump(2) << "\n";
      return;
    }
    std::cout << fmt::format("{}, T = {}, N = {}, {} thread{}; peak of one core, measured now: "
                             "{:.1f} GF/s\n\n",
                             arguments.engine.elementType, arguments.bench.steps,
                             arguments.bench.sequences, threads, threads == 1 ? "" : "s",
                             peak / 1e9)
              << table.text()
              << "\nflops: two per multiply-add of the cell's products, forward once, backward "
                 "twice that with the\ngradients of parameters, inputs and initial states; "
                 "element-wise work is not counted.\ncompiled in: "
              << compiles << "\n";
  }

private:
  const BenchArguments &arguments;
  double peak;
  Table table{{{"cell"},
               {"pass"},
               {"median ms", Table::Align::Right},
               {"least ms", Table::Align::Right},
               {"spread", Table::Align::Right},
               {"GF/s", Table::Align::Right},
               {"of peak", Table::Align::Right}}};
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  std::string compiles;
};

int run(const BenchArguments &arguments) {
  Report report(arguments);
  CompileOptions compile = arguments.engine.compileOptions();
  CellBenchOptions bench = arguments.bench;
  bench.threads = arguments.engine.threads;
  ProgressLine line;
  size_t done = 0;
  for (const std::string &name : arguments.cells) {
    CellArguments one = arguments.settings;
    one.cell = name;
    auto found = findCell(one);
    auto bound =
        found ? bindOrExplain(found->cell(), found->sources(), dimensionFacts(*found), kBenchedSize)
              : std::nullopt;
    if (!bound)
      return kBadInput;
    MemoryNeeds needs{bench.steps, bench.sequences, compile.isDouble, true};
    checkRunFits(found->cell(), *bound, needs);
    line.show(fmt::format("measuring {}, {} of {}", name, ++done, arguments.cells.size()));
    report.add(name, benchCell(found->cell(), *bound, compile, bench));
  }
  line.finish();
  report.print();
  return kDone;
}

} // namespace

Run addBench(CLI::App &app) {
  auto arguments = std::make_shared<BenchArguments>();
  arguments->engine.usesCache = false;
  app.add_option("CELL", arguments->cells, "lstm (shipped), path/file.cell or path/file.cell:name")
      ->required();
  arguments->settings.addSettings(app);
  CellBenchOptions &bench = arguments->bench;
  addNumber(app, "--steps", bench.steps, Range<int64_t>{1, 1'000'000}, "steps T");
  addNumber(app, "--sequences", bench.sequences, Range<int64_t>{1, 1'000'000}, "sequences N");
  addNumber(app, "--seconds", bench.seconds, Range<double>{0.01, 3600}, "time spent on each cell");
  app.add_flag("--json", arguments->isJson, "an object with the rows of the table");
  arguments->engine.addType(app);
  arguments->engine.addMachine(app);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
