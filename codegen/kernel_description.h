// What a compiled kernel is, apart from its machine code: the tables of runtime/kernel_abi.h as
// values that can be built, printed and stored.
#pragma once

#include "runtime/kernel_abi.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cellwright {

struct BufferDescription {
  std::string name;
  cellwright_role role = CELLWRIGHT_VALUE;
  cellwright_lifetime lifetime = CELLWRIGHT_STEP;
  int32_t index = 0;
  int32_t columns = 0;
  int64_t elements = 0;
  bool isZeroed = false;
};

struct PhaseDescription {
  std::string symbol;
  cellwright_stage stage = CELLWRIGHT_PREPARE;
  int32_t tiles = 1;
  bool isPerStep = false;
  bool isForInputs = false;
  int64_t flopsPerRow = 0;
  int64_t weightBytes = 0;
};

struct VectorDescription {
  std::string name;
  int32_t size = 0;
  bool isPerSequence = false;
  bool isIndex = false;
};

struct ParamDescription {
  std::string name;
  int32_t rank = 0, rows = 1, columns = 1;
  bool isFrozen = false;
  cellwright_initializer initializer = CELLWRIGHT_CONSTANT;
  double first = 0, second = 0;
};

struct KernelDescription {
  std::string name;
  bool isDouble = false;
  int32_t width = 0;
  std::vector<VectorDescription> inputs, states;
  std::vector<ParamDescription> params;
  std::vector<BufferDescription> buffers;
  std::vector<PhaseDescription> phases;
  int32_t outputSize = 0;
  int32_t outputState = -1;
  bool hasBackward = false;
};

} // namespace cellwright
