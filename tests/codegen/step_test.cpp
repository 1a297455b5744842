// Single steps of one sequence: the same bits as a layer's, for every shipped cell.
#include "codegen/compiled_step.h"
#include "support.h"

#include "fmt/format.h"
#include "tests/support/shipped_cells.h"
#include <doctest/doctest.h>

#include <cstring>

namespace cellwright {

namespace {

/// Row `step` of a sequence [T, 1, d], in the element type.
std::vector<std::byte> rowOf(const Elements &series, int64_t columns, int64_t step, Format format) {
  return toBytes(Elements(series.begin() + step * columns, series.begin() + (step + 1) * columns),
                 format);
}

/// What differs between the steps and a layer over the same sequence, or nothing.
std::string differenceOf(const TestCell &cell, const CompileOptions &options,
                         const SequenceInput &run) {
  CompiledKernel kernel = compileCell(cell.cell(), cell.bound, options);
  ExecutionResult expected = executeCell(kernel, run, nullptr, 1);
  const cellwright_kernel &tables = kernel.kernel();
  Format format{options.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, tables.width};
  std::vector<std::vector<std::byte>> params;
  std::vector<const void *> pointers;
  for (const Elements &param : run.params)
    params.push_back(toBytes(param, format));
  for (const auto &param : params)
    pointers.push_back(param.data());
  CompiledStep step(cell.cell(), cell.bound, options, pointers);
  std::vector<std::byte> states;
  for (const Elements &state : run.firstStates) {
    auto bytes = toBytes(state, format);
    states.insert(states.end(), bytes.begin(), bytes.end());
  }
  step.setStates(states.data());
  std::vector<std::byte> output(tables.output_size * format.elementBytes());
  for (int64_t t = 0; t < run.steps; ++t) {
    std::vector<std::vector<std::byte>> inputs;
    std::vector<const void *> inputPointers;
    for (int i = 0; i < tables.input_count; ++i)
      inputs.push_back(rowOf(run.inputs[i], tables.inputs[i].size,
                             tables.inputs[i].per_sequence ? 0 : t, format));
    for (const auto &input : inputs)
      inputPointers.push_back(input.data());
    step.step(inputPointers, output.data());
    if (output != rowOf(expected.forward.output, tables.output_size, t, format))
      return fmt::format("output of step {}", t);
  }
  step.getStates(states.data());
  std::vector<std::byte> finals;
  for (const Elements &state : expected.forward.finalStates) {
    auto bytes = toBytes(state, format);
    finals.insert(finals.end(), bytes.begin(), bytes.end());
  }
  return states == finals ? "" : "final states";
}

} // namespace

TEST_CASE("a step has the bits of a layer") {
  constexpr int64_t kSizes[] = {1, 3, 8, 17, 65};
  int number = 0;
  for (const std::string &name : test::shippedCells())
    for (bool isDouble : {false, true}) {
      // Neighbouring sizes for I and H; which ones goes round with the cells.
      int64_t I = kSizes[number % 5], H = kSizes[(number + 1 + number / 5) % 5];
      ++number;
      TestCell cell = cellByName(name);
      if (!bindTo(cell, sizesFor(cell.cell(), I, H, 5)))
        REQUIRE(bindTo(cell, sizesFor(cell.cell(), H, H, 5)));
      CompileOptions options;
      options.isDouble = isDouble;
      options.hasBackward = false;
      GradcheckOptions check;
      check.steps = 4;
      check.sequences = 1;
      SequenceInput run = makeRandomInput(cell.cell(), cell.bound, check, isDouble);
      std::string difference = differenceOf(cell, options, run);
      CHECK_MESSAGE(difference.empty(), name, ", I = ", I, ", H = ", H,
                    isDouble ? ", f64: " : ", f32: ", difference);
    }
}

} // namespace cellwright
