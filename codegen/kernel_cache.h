// Compiled kernels on disk. An entry is a file named by its key; what does not read back exactly as
// it was written is no entry.
#pragma once

#include "codegen/kernel_description.h"

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
};

} // namespace cellwright
