// Compiled kernels on disk. An entry is a file named by its key; what does not read back exactly as
// it was written is no entry. A search makes thousands: the folder is kept below a size, and what
// was used longest ago goes.
#pragma once

#include "codegen/kernel_description.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

struct CacheEntry {
  KernelDescription description;
  std::vector<char> object;
};

class KernelCache {
public:
  /// `key` is everything that the machine code depends on, as text. An empty directory: nothing is
  /// kept.
  KernelCache(std::string directory, std::string_view key);

  /// The entry, if there is one, it is whole, and nobody but this user can have written it.
  std::optional<CacheEntry> load() const;
  /// Writes the entry, whole or not at all; a failure is not reported, the kernel is there anyway.
  void store(const CacheEntry &entry) const;

private:
  std::string directory, key, path;
  bool isTrimming = false; // one entry of 256, so that each folder is looked at now and then
};

/// Bytes of entries that `store` lets a folder have, to some ten million.
inline constexpr int64_t kMostCacheBytes = 1'000'000'000;

/// If the entries of a folder have more than `most` bytes, removes those that were loaded or stored
/// longest ago until three quarters of that are left. Other files stay. Does nothing if it cannot.
void trimCache(const std::string &directory, int64_t most);

} // namespace cellwright
