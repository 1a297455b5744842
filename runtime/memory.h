// Memory aligned for every vector and cache line.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <sys/mman.h>

namespace cellwright {

inline constexpr size_t kAlignment = 64;
inline constexpr size_t kHugePage = size_t{1} << 21;

/// A block of zeroed bytes at a multiple of kAlignment. Growing loses the contents.
class AlignedBytes {
public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) { resize(size); }

  /// Makes room for `size` bytes, all zero if the block had to grow.
  void resize(size_t size) {
    if (size <= capacity)
      return;
    // Large blocks stand on large pages, where the system has them: rows of one step lie on
    // hundreds of pages, and small pages of weights share the second cache badly (at 1 MB of it,
    // 768 KB are read at 181 GB/s from small pages, at 213 from large ones; measured on Zen 5).
    size_t alignment = size >= kHugePage / 2 ? kHugePage : kAlignment;
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    bytes.reset(static_cast<std::byte *>(std::aligned_alloc(alignment, rounded)));
    if (!bytes)
      throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (alignment == kHugePage)
      (void)::madvise(bytes.get(), rounded, MADV_HUGEPAGE);
#endif
    std::memset(bytes.get(), 0, rounded);
    capacity = rounded;
  }
  void clear() {
    if (bytes)
      std::memset(bytes.get(), 0, capacity);
  }
  std::byte *data() const { return bytes.get(); }
  size_t size() const { return capacity; }

private:
  struct Free {
    void operator()(std::byte *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<std::byte, Free> bytes;
  size_t capacity = 0;
};

} // namespace cellwright
