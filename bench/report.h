// What a benchmark found, for people, for programs, and as a page.
#pragma once

#include "bench/cell_bench.h"

#include <string>
#include <vector>

namespace cellwright {

struct BenchReport {
  Machine machine;
  std::string date; // 2026-11-25
  std::vector<BenchRow> rows;
};

/// The numbers of a row that every form shows.
struct RowFigures {
  double flopsPerSecond = 0; // 0 where flops are not counted
  double percentOfPeak = 0;
  double percentOfBound = 0;   // 0 where there is no bound
  double timesUseful = 0;      // times the time of the useful steps; 0 where all are useful
  double symbolsPerSecond = 0; // of updates of a language model
};
RowFigures figuresOf(const BenchRow &row);

/// What is slow in some rows, a line each: which rows, then what. Empty if nothing is.
std::vector<std::string> slowNotes(const std::vector<BenchRow> &rows);

/// An object {machine, date, rows: [...]}; `bench/compare` reads two of them.
std::string toJson(const BenchReport &report);

/// One self-contained page: for each suite a roofline and a table.
std::string toHtml(const BenchReport &report);

/// What was measured of the machine, in some lines.
std::string machineText(const Machine &machine);

/// What is counted, for below a table.
std::string_view countingNote();

} // namespace cellwright
