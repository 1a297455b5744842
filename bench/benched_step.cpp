// See benched_step.h.
#include "bench/benched_step.h"

#include "codegen/execute.h"

namespace cellwright {

static CompiledStep compileStep(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                                const SequenceInput &input, Format format) {
  std::vector<std::vector<std::byte>> params;
  std::vector<const void *> pointers;
  for (const Elements &param : input.params)
    pointers.push_back(params.emplace_back(toBytes(param, format)).data());
  return {cell, bound, compile, pointers};
}

BenchedStep::BenchedStep(const Cell &cell, const Bound &bound, const CompileOptions &compile,
                         const SequenceInput &input)
    : step(compileStep(cell, bound, compile, input,
                       {compile.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, 1})),
      output(bound.rows(cell.ops[cell.output].shape) * (compile.isDouble ? 8 : 4)) {
  Format format{compile.isDouble ? CELLWRIGHT_F64 : CELLWRIGHT_F32, 1};
  for (size_t i = 0; i < input.inputs.size(); ++i) {
    auto begin = input.inputs[i].begin();
    inputs.push_back(toBytes(Elements(begin, begin + bound.rows(cell.inputs[i].shape)), format));
  }
  for (const auto &row : inputs)
    pointers.push_back(row.data());
}

} // namespace cellwright
