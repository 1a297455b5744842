// A layer with random numbers, ready to be run again and again.
#pragma once

#include "bench/cell_bench.h"
#include "codegen/compiled_kernel.h"
#include "dsl/interpreter.h"
#include "runtime/layer.h"

#include <vector>

namespace cellwright {

/// A layer and the arguments of its calls, with their memory. The kernel must outlive it.
class BenchedLayer {
public:
  BenchedLayer(const CompiledKernel &kernel, const SequenceInput &input, int threads);

  void run(Pass pass);
  /// Where the time of a run goes; the shortest of some runs, phase by phase.
  std::vector<PhaseRow> measurePhases(Pass pass);
  /// True if threads divided the columns of the last run's steps.
  bool dividesColumns(cellwright_stage core) const { return layer.dividesColumns(core); }
  /// Output of the last forward run, [T, N, d].
  Elements output() const;

private:
  void fill(Series &series, int64_t rows, int64_t columns, const Elements &elements);
  void readParams(const SequenceInput &input);

  const cellwright_kernel &kernel;
  ThreadPool pool;
  Layer layer;
  Format format;
  ForwardArguments forward;
  BackwardArguments backward;
  std::vector<std::vector<std::byte>> params, gradients, initialAdjoints;
  std::vector<Series> inputs, inputAdjoints;
  Series outputAdjoint;
};

} // namespace cellwright
