// Which path each shipped cell takes: products in tiles, and only those cells along rows that have
// a reason to. A new cell or a change of the schedule that falls back to something slow shows here.
#include "bench/run_path.h"

#include "codegen/compiled_kernel.h"
#include "tests/codegen/support.h"
#include "tests/support/shipped_cells.h"
#include <doctest/doctest.h>

#include <map>
#include <set>

namespace cellwright {

namespace {

using Paths = std::map<std::string, std::string>;

constexpr int64_t kSize = 64;

/// A shipped cell, compiled; kept for all tests, since that is what takes time.
struct Compiled {
  explicit Compiled(const std::string &name) : cell(cellByName(name)) {
    REQUIRE(bindTo(cell, sizesFor(cell.cell(), kSize, kSize, kSize)));
    kernel = std::make_unique<CompiledKernel>(compileCell(cell.cell(), cell.bound, {}));
    cost = measureCost(cell.cell(), cell.bound, {});
  }
  RunPath path(const RunSituation &situation) const {
    return describePath(kernel->kernel(), cost, situation);
  }

  TestCell cell;
  std::unique_ptr<CompiledKernel> kernel;
  CellCost cost;
};

const Compiled &compiled(const std::string &name) {
  static std::map<std::string, std::unique_ptr<Compiled>> all;
  auto &entry = all[name];
  if (!entry)
    entry = std::make_unique<Compiled>(name);
  return *entry;
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("every phase of a shipped cell that has products runs in tiles") {
  for (const std::string &name : test::shippedCells()) {
    CAPTURE(name);
    for (const PhaseCost &phase : compiled(name).cost.phases) {
      CAPTURE(phase.stage);
      if (phase.flops > 0) {
        CHECK(phase.loop == PhaseLoop::Tiles);
        CHECK(phase.tileRows * phase.tileVectors >= 8); // sums in flight: latency times units
      }
    }
  }
}

TEST_CASE("no shipped cell is slow on one thread but those with a reason") {
  // Its means and variances are sums along rows of what the step has made.
  const std::set<std::string> kKnown = {"layer_norm_lstm"};
  for (const std::string &name : test::shippedCells()) {
    CAPTURE(name);
    RunSituation situation;
    situation.sequences = 32;
    situation.isBoth = true;
    RunPath path = compiled(name).path(situation);
    CAPTURE(path.text);
    CHECK(path.slow.empty() != kKnown.contains(name));
  }
}

TEST_CASE("the path says what runs") {
  RunSituation situation;
  situation.sequences = 32;
  CHECK(compiled("lstm").path(situation).text == "forward tiles 6x4");
  situation.isBoth = true;
  CHECK(compiled("lstm").path(situation).text == "forward tiles 6x4; backward panels, tiles 6x4");
  situation.threads = 2;
  situation.dividesBackward = true;
  CHECK(contains(compiled("gru").path(situation).text,
                 "; threads divide rows forward, columns backward"));
  situation.sequences = 1;
  CHECK(contains(compiled("lstm").path(situation).text, "forward tiles 1x4"));
}

TEST_CASE("what is slow is named") {
  RunSituation one;
  std::vector<std::string> rows = compiled("layer_norm_lstm").path(one).slow;
  REQUIRE(rows.size() == 1);
  CHECK(contains(rows[0], "`core_1`, `core_3`"));
  CHECK(contains(rows[0], "along each row in every step"));

  RunSituation situation;
  situation.threads = 4;
  situation.sequences = 3;
  situation.isRagged = true;
  std::vector<std::string> slow = compiled("lstm").path(situation).slow;
  REQUIRE(slow.size() == 2);
  CHECK(slow[0] == "1 threads have no row: there are 3 sequences");
  CHECK(slow[1] == "blocks in which a sequence ends run step by step");
}

} // namespace cellwright
