// Compiled kernels on disk. An entry is a file named by its key; what does not read back exactly as
// it was written is no entry. A search makes thousands: the folder is kept at about a size, and
// what was used longest ago goes.
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
  /// kept. `mostBytes` is about how large `store` lets a folder become.
  KernelCache(std::string directory, std::string_view key, int64_t mostBytes = 1'000'000'000);

  /// The entry, if there is one, it is whole, and nobody but this user can have written it.
  std::optional<CacheEntry> load() const;
  /// Writes the entry, whole or not at all; a failure is not reported, the kernel is there anyway.
  void store(const CacheEntry &entry) const;

private:
  std::string directory, key, path;
  int64_t mostBytes;
  bool isTrimming; // for one key of 64: looking at a folder of thousands takes milliseconds
};

/// If the entries of a folder have more than `most` bytes, removes those of this user that were
/// loaded or stored longest ago until three quarters of that are left, and what killed processes
/// left half written an hour ago. Other files stay. Does nothing if it cannot.
void trimCache(const std::string &directory, int64_t most);

} // namespace cellwright
