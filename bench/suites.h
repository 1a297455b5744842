// What is measured together: a suite is a list of cells and shapes. One row of the table is one
// suite.
#pragma once

#include "bench/cell_bench.h"

#include <span>
#include <string_view>

namespace cellwright {

/// How much of a suite is run: what all suites together do in some two minutes; the usual; all.
enum class Extent : uint8_t { Quick, Usual, Nightly };

/// What a suite measures.
enum class Measured : uint8_t {
  Passes,       // over a batch of sequences
  Compile,      // how long a cell takes to be ready
  LanguageModel // updates of training: two layers, loss, clipping and Adam included
};

/// One measurement of a suite. Sizes that nothing else fixes are H.
struct SuiteEntry {
  std::string cell; // empty: each of the cells that the user names
  int64_t I = 256, H = 256, N = 32, T = 100;
  bool isForwardOnly = false;
};

struct SuiteRow {
  std::string_view name;
  std::string_view help;
  std::vector<Pass> passes;
  /// The cells if the user names none; empty: all shipped.
  std::vector<std::string_view> (*cells)(Extent extent);
  std::vector<SuiteEntry> (*entries)(Extent extent);
  bool isRagged = false; // sequences of lengths drawn evenly from 1 to T
  Measured measured = Measured::Passes;
};

std::span<const SuiteRow> suiteRows();
/// Null if there is none of the name.
const SuiteRow *findSuite(std::string_view name);

} // namespace cellwright
