// See report.h.
#include "bench/report.h"

#include "fmt/format.h"
#include "nlohmann/json.hpp"

#include <map>
#include <utility>

namespace cellwright {

RowFigures figuresOf(const BenchRow &row) {
  RowFigures figures;
  if (row.flops > 0) {
    figures.flopsPerSecond = row.flops / row.timing.median;
    figures.percentOfPeak = 100 * figures.flopsPerSecond / row.peakFlops;
  }
  if (row.bound > 0)
    figures.percentOfBound = 100 * row.bound / row.timing.median;
  if (row.usefulSeconds > 0)
    figures.timesUseful = row.timing.median / row.usefulSeconds;
  if (row.pass == nameOf(Pass::Update))
    figures.symbolsPerSecond = static_cast<double>(row.N * row.T) / row.timing.median;
  return figures;
}

static nlohmann::ordered_json machineJson(const Machine &machine) {
  auto levels = nlohmann::ordered_json::array();
  for (const MemoryLevel &level : machine.levels)
    levels.push_back({{"name", level.name},
                      {"bytes", level.bytes},
                      {"bytes_per_second", level.bandwidth},
                      {"bytes_per_second_of_all", level.bandwidthOfAll}});
  return {{"processor", machine.processor},
          {"threads", machine.threads},
          {"peak_flops_f32", machine.peakFloat},
          {"peak_flops_f64", machine.peakDouble},
          {"peak_flops_f32_of_all", machine.peakFloatOfAll},
          {"peak_flops_f64_of_all", machine.peakDoubleOfAll},
          {"multiply_add_seconds", machine.multiplyAddSeconds},
          {"round_trip_seconds", machine.roundTripSeconds},
          {"levels", levels}};
}

std::string toJson(const BenchReport &report) {
  auto rows = nlohmann::ordered_json::array();
  for (const BenchRow &row : report.rows) {
    RowFigures figures = figuresOf(row);
    rows.push_back({{"suite", row.suite},
                    {"cell", row.cell},
                    {"implementation", row.implementation},
                    {"I", row.I},
                    {"H", row.H},
                    {"N", row.N},
                    {"T", row.T},
                    {"type", row.isDouble ? "f64" : "f32"},
                    {"threads", row.threads},
                    {"pass", row.pass},
                    {"median_seconds", row.timing.median},
                    {"least_seconds", row.timing.least},
                    {"spread", row.timing.spread},
                    {"runs", row.timing.runs},
                    {"flops", row.flops},
                    {"flops_per_second", figures.flopsPerSecond},
                    {"percent_of_peak", figures.percentOfPeak},
                    {"peak_flops", row.peakFlops},
                    {"bound_seconds", row.bound},
                    {"bound_by", row.limit},
                    {"percent_of_bound", figures.percentOfBound},
                    {"useful_seconds", row.usefulSeconds},
                    {"symbols_per_second", figures.symbolsPerSecond},
                    {"tape_bytes_per_step", row.tapeBytes},
                    {"weight_bytes", row.weightBytes},
                    {"weight_level", row.level},
                    {"weight_bytes_per_second", row.weightBandwidth},
                    {"round_trip_seconds", row.roundTripSeconds},
                    {"compile_seconds", row.compileSeconds},
                    {"path", row.path},
                    {"slow", row.slow}});
  }
  nlohmann::ordered_json json = {
      {"date", report.date}, {"machine", machineJson(report.machine)}, {"rows", rows}};
  return json.dump(2) + "\n";
}

std::vector<std::string> slowNotes(const std::vector<BenchRow> &rows) {
  // What is slow is often so for a cell at every shape: it is said once.
  std::map<std::pair<std::string, std::string>, int> counts;
  std::vector<std::pair<std::string, std::string>> order;
  for (const BenchRow &row : rows)
    for (const std::string &slow : row.slow)
      if (++counts[{row.cell, slow}] == 1)
        order.emplace_back(row.cell, slow);
  std::vector<std::string> notes;
  for (const auto &note : order) {
    int count = counts[note];
    notes.push_back(
        fmt::format("{} ({} row{}): {}", note.first, count, count == 1 ? "" : "s", note.second));
  }
  return notes;
}

std::string machineText(const Machine &machine) {
  std::string text = fmt::format(
      "{}: one core {:.1f} GF/s in f32, {:.1f} in f64, measured now; multiply-add after "
      "{:.2f} ns\n",
      machine.processor, machine.peakFloat / 1e9, machine.peakDouble / 1e9,
      1e9 * machine.multiplyAddSeconds);
  if (machine.threads > 1)
    text += fmt::format("{} threads together {:.1f} GF/s in f32, {:.1f} in f64; a cache line to "
                        "another core and back in {:.0f} ns\n",
                        machine.threads, machine.peakFloatOfAll / 1e9,
                        machine.peakDoubleOfAll / 1e9, 1e9 * machine.roundTripSeconds);
  text += "reads in GB/s:";
  for (const MemoryLevel &level : machine.levels)
    text += machine.threads > 1 ? fmt::format("  {} {:.0f} ({:.0f})", level.name,
                                              level.bandwidth / 1e9, level.bandwidthOfAll / 1e9)
                                : fmt::format("  {} {:.0f}", level.name, level.bandwidth / 1e9);
  return text + (machine.threads > 1 ? "  (all threads together)\n" : "\n");
}

std::string_view countingNote() {
  return R"(flops: two per multiply-add of the cell's products, forward once, backward twice that, with the
gradients of weights, biases, inputs and initial states; element-wise work is not counted.
bound: batched products at the peak; each step at the longest of products at the peak, weights read
once from the cache that holds them, at the speed measured at that size, and latency of the phases
that wait for each other.
useful: times the time of all steps, of which only those that are no padding are counted.
)";
}

} // namespace cellwright
