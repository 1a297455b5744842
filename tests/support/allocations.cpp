// See allocations.h. The C library's functions are replaced by ones that count and call it under
// its own names; operator new ends there too.
#include "tests/support/allocations.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace cellwright::test {

static std::atomic<int64_t> allocations = 0;

int64_t allocationCount() { return allocations.load(); }

} // namespace cellwright::test

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)

bool cellwright::test::canCountAllocations() { return false; }

#else

bool cellwright::test::canCountAllocations() { return true; }

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  ++cellwright::test::allocations;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  ++cellwright::test::allocations;
  return __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size) {
  ++cellwright::test::allocations;
  return __libc_realloc(memory, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  ++cellwright::test::allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  ++cellwright::test::allocations;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
}

#endif
