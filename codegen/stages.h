// The stages of a kernel by name: the strings that `cell.phase` carries, the numbers of the kernel
// ABI.
#pragma once

#include "runtime/kernel_abi.h"

#include "llvm/ADT/StringRef.h"

namespace cellwright {

struct StageRow {
  cellwright_stage stage;
  llvm::StringLiteral name;
  bool isBackward;
  bool isStepwise; // one step at a time
  bool isSequence; // rows are sequences
};

inline constexpr StageRow kStages[] = {
    {CELLWRIGHT_PREPARE, "prepare", false, false, false},
    {CELLWRIGHT_FORWARD_SEQUENCE, "sequence", false, false, true},
    {CELLWRIGHT_FORWARD_BEFORE, "before", false, false, false},
    {CELLWRIGHT_FORWARD_CORE, "core", false, true, false},
    {CELLWRIGHT_FORWARD_AFTER, "after", false, false, false},
    {CELLWRIGHT_BACKWARD_BEFORE, "backward_before", true, false, false},
    {CELLWRIGHT_BACKWARD_CORE, "backward_core", true, true, false},
    {CELLWRIGHT_BACKWARD_AFTER, "backward_after", true, false, false},
    {CELLWRIGHT_GRADIENT, "gradient", true, false, false},
    {CELLWRIGHT_BACKWARD_SEQUENCE, "backward_sequence", true, false, true},
    {CELLWRIGHT_GRADIENT_SEQUENCE, "gradient_sequence", true, false, true},
    {CELLWRIGHT_FINISH, "finish", true, false, false},
};

/// Row of a stage by its name. Precondition: the name is one of the table's.
inline const StageRow &stageRow(llvm::StringRef name) {
  for (const StageRow &row : kStages)
    if (row.name == name)
      return row;
  llvm_unreachable("phases carry names of the table");
}

} // namespace cellwright
