// What a processor must have to run code that was made for a target, as driver.h asks it.
#pragma once

#include "codegen/aot/driver.h"
#include "codegen/target.h"

namespace cellwright {

/// The words of CPUID and XGETBV that a target needs; for `native` all that this machine has and
/// code may use. All zero, needing nothing, for a target that every processor of its architecture
/// can run.
cellwright_cpu neededCpu(const Target &target, bool isNative);

} // namespace cellwright
