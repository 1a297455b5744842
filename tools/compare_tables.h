// A comparison of cells with its measured speeds: for people, for programs, and as a page.
#pragma once

#include "bench/machine.h"
#include "search/compare.h"

#include <string>
#include <vector>

namespace cellwright {

/// What one layer of a compared cell takes for a step of all sequences of a batch.
struct ComparedSpeed {
  double forwardSeconds = 0, backwardSeconds = 0;
  double percentOfBound = 0; // of both together
};

struct CompareReport {
  CompareResult comparison;
  std::vector<ComparedSpeed> speeds; // by cell
  int64_t sequences = 0, steps = 0;  // of the batch that was timed
  Machine machine;
};

std::string compareText(const CompareReport &report);
std::string compareJson(const CompareReport &report);
/// A row per cell, with titles.
std::string compareCsv(const CompareReport &report);
std::string compareHtml(const CompareReport &report);

} // namespace cellwright
