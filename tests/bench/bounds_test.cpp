// The bound of a step, by hand.
#include "codegen/plan.h"
#include "tests/codegen/support.h"
#include <doctest/doctest.h>

namespace cellwright {

TEST_CASE("a step takes as long as its longest part, after its batched products") {
  StepCost cost;
  cost.batchedFlops = 4e3;
  cost.coreFlops = 2e3;
  cost.weightBytes = 5e3;
  cost.latency = 10;
  MachineSpeed machine{1e9, 1e9, 1e-7}; // flops and bytes per second, seconds
  StepBound one = boundOf(cost, machine, 1);
  CHECK(one.seconds() == doctest::Approx(4e-6 + 5e-6));
  CHECK(boundOf(cost, machine, 10).seconds() == doctest::Approx(60e-6));
  CHECK(boundOf(cost, machine, 10).limit() == "products");
  cost.batchedFlops = 0;
  CHECK(boundOf(cost, machine, 1).limit() == "weights");
  cost.weightBytes = 0;
  cost.latency = 1000;
  CHECK(boundOf(cost, machine, 1).limit() == "latency");
}

TEST_CASE("flops and bytes of an lstm are those of its eight products") {
  constexpr int64_t kSize = 64;
  TestCell lstm = cellByName("lstm", {{"I", kSize}, {"H", kSize}});
  CellCost cost = measureCost(lstm.cell(), lstm.bound, {});
  double matrix = kSize * kSize;
  CHECK(cost.forward.batchedFlops == 2 * 4 * matrix);
  CHECK(cost.forward.coreFlops == 2 * 4 * matrix);
  CHECK(cost.forward.weightBytes == 4 * matrix * 4);
  // Backward: as many for the adjoints of x and h, as many for the gradients of the weights.
  CHECK(cost.backward.flops() == 2 * cost.forward.flops());
}

} // namespace cellwright
