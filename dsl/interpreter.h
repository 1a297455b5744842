// The meaning of a cell: one step in double, written for reading. Everything else that computes
// cells is tested against it. Forward only.
#pragma once

#include "dsl/bind.h"
#include "dsl/cell.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cellwright {

/// The elements of a scalar, vector or matrix, row-major.
using Elements = std::vector<double>;

/// What random functions need in training; without it they do what they do at evaluation.
struct RandomPlace {
  uint64_t seed = 0;
  uint32_t sequence = 0;
  uint32_t step = 0;
};

struct StepResult {
  std::vector<Elements> states; // the next values, by Cell::states
  Elements output;
};

/// Computes one step of one sequence. The spans are by Cell::inputs, Cell::states, Cell::params.
StepResult interpretStep(const Cell &cell, const Bound &bound, std::span<const Elements> inputs,
                         std::span<const Elements> states, std::span<const Elements> params,
                         const std::optional<RandomPlace> &random = std::nullopt);

/// What T steps of N sequences are computed from.
struct SequenceInput {
  int64_t steps = 0;                 // T
  int64_t sequences = 0;             // N
  std::vector<Elements> inputs;      // [T, N, d], per sequence [N, d]
  std::vector<Elements> firstStates; // [N, d]
  std::vector<Elements> params;
  std::vector<int64_t> lengths; // [N], or empty: all steps
  std::vector<bool> resets;     // [T, N], or empty: none
  std::optional<uint64_t> seed; // of training; none at evaluation
};

struct SequenceResult {
  Elements output;                   // [T, N, d], 0 beyond a sequence's length
  std::vector<Elements> states;      // [T, N, d], after each step
  std::vector<Elements> finalStates; // [N, d], at each sequence's own end
};

/// Computes T steps of N sequences, and once what does not depend on the step. Precondition: sizes
/// are those of `bound`.
SequenceResult interpretSequence(const Cell &cell, const Bound &bound, const SequenceInput &input);

} // namespace cellwright
