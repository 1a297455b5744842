// A hash table from a hash to indices of somebody else's vector: the caller keeps the things, says
// whether the thing at an index is the one it seeks, and hashes it. Works at compile time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace cellwright {

/// Yes or no for each index; libstdc++ 12 has no std::vector<bool> that clang can use at compile
/// time.
using Flags = std::vector<uint8_t>;

/// Hashes a name (FNV-1a). With a state of 32 bits, thousands of names with the same hash are found
/// in seconds, and a file full of them takes seconds to check; with 64 bits they are not.
constexpr uint32_t hashText(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (char character : text)
    hash = (hash ^ static_cast<unsigned char>(character)) * 1099511628211u;
  return static_cast<uint32_t>((hash * 0x9E3779B97F4A7C15u) >> 32);
}

/// Mixes a number into a hash.
constexpr uint32_t mixHash(uint32_t hash, uint64_t number) {
  uint64_t mixed = (hash ^ number) * 0x9E3779B97F4A7C15u;
  return static_cast<uint32_t>(mixed >> 32);
}

class HashIndex {
public:
  /// The index with this hash for which `isSame(index)` holds, or -1.
  template <class IsSame> constexpr int32_t find(uint32_t hash, IsSame isSame) const {
    if (slots.empty())
      return -1;
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Slot &slot = slots[i];
      if (slot.index < 0)
        return -1;
      if (slot.hash == hash && isSame(slot.index))
        return slot.index;
    }
  }

  /// Adds an index; the caller has made sure that it is not there.
  constexpr void insert(uint32_t hash, int32_t index) {
    if (2 * (count + 1) > slots.size())
      grow();
    place({hash, index});
    ++count;
  }

private:
  struct Slot {
    uint32_t hash = 0;
    int32_t index = -1;
  };
  std::vector<Slot> slots;
  size_t count = 0;

  constexpr size_t mask() const { return slots.size() - 1; }
  constexpr void place(Slot slot) {
    size_t i = slot.hash & mask();
    while (slots[i].index >= 0)
      i = (i + 1) & mask();
    slots[i] = slot;
  }
  constexpr void grow() {
    std::vector<Slot> old = std::move(slots);
    slots = std::vector<Slot>(old.empty() ? 32 : 2 * old.size());
    for (const Slot &slot : old)
      if (slot.index >= 0)
        place(slot);
  }
};

} // namespace cellwright
