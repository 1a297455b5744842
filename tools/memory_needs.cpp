// See memory_needs.h.
#include "tools/memory_needs.h"

#include "training/available_memory.h"

namespace cellwright {

static double elementBytes(const MemoryNeeds &needs) { return needs.isDouble ? 8 : 4; }

static double elementsOf(const Bound &bound, const Shape &shape) {
  return static_cast<double>(bound.rows(shape)) * static_cast<double>(bound.columns(shape));
}

/// Elements of inputs, states and output per step and sequence: what a caller sees.
static double visibleElements(const Cell &cell, const Bound &bound) {
  double elements = elementsOf(bound, cell.ops[cell.output].shape);
  for (const Input &input : cell.inputs)
    elements += elementsOf(bound, input.shape);
  for (const State &state : cell.states)
    elements += elementsOf(bound, state.shape);
  return elements;
}

static double rowsOf(const MemoryNeeds &needs) {
  return static_cast<double>(needs.steps) * static_cast<double>(needs.sequences);
}

double savedBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs) {
  double elements = 0;
  if (needs.hasBackward)
    for (const Op &op : cell.ops)
      if (op.rate == Rate::Step)
        elements += elementsOf(bound, op.shape);
  return rowsOf(needs) * elements * elementBytes(needs);
}

double seriesBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs) {
  return rowsOf(needs) * visibleElements(cell, bound) * elementBytes(needs) +
         savedBytes(cell, bound, needs);
}

double paramNumbers(const Cell &cell, const Bound &bound) {
  double numbers = 0;
  for (const Param &param : cell.params)
    numbers += elementsOf(bound, param.shape);
  return numbers;
}

double paramBytes(const Cell &cell, const Bound &bound, const MemoryNeeds &needs) {
  double copies = needs.hasBackward ? 4 : 2;
  return copies * paramNumbers(cell, bound) * elementBytes(needs);
}

void checkRunFits(const Cell &cell, const Bound &bound, const MemoryNeeds &needs) {
  // A tensor of a file is there as double, in the kernel's type and as the file has it.
  double perElement = 8 + 2 * elementBytes(needs);
  double directions = needs.hasBackward ? 2 : 1;
  double visible = static_cast<double>(needs.steps) * static_cast<double>(needs.sequences) *
                       visibleElements(cell, bound) +
                   paramNumbers(cell, bound);
  checkMemory(visible * perElement * directions + seriesBytes(cell, bound, needs) +
                  paramBytes(cell, bound, needs),
              "these sizes need", "use fewer sequences or steps, or smaller dimensions");
}

} // namespace cellwright
