// Counts allocations of this process, for tests of code that promises none.
#pragma once

#include <cstdint>

namespace cellwright::test {

/// False in a build with a sanitizer, which has an allocator of its own.
bool canCountAllocations();

/// Calls of malloc and its relatives so far, by all threads.
int64_t allocationCount();

} // namespace cellwright::test
