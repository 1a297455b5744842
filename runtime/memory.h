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
    size_t alignment = alignmentFor(size);
    size_t rounded = roundedUp(size);
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

  /// What a block of `size` bytes takes.
  static size_t roundedUp(size_t size) {
    size_t alignment = alignmentFor(size);
    return (size + alignment - 1) / alignment * alignment;
  }

private:
  /// Large blocks stand on large pages, where the system has them: rows of one step lie on hundreds
  /// of pages.
  static size_t alignmentFor(size_t size) { return size >= kHugePage / 2 ? kHugePage : kAlignment; }

  struct Free {
    void operator()(std::byte *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<std::byte, Free> bytes;
  size_t capacity = 0;
};

} // namespace cellwright
