// Names as small numbers: every name of all files of a check is interned once, so that later passes
// compare and look up numbers. The views of `text` last as long as the sources.
#pragma once

#include "dsl/hash_index.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace cellwright {

using NameId = int32_t;
inline constexpr NameId kNoName = -1;

class Names {
public:
  /// The number of a name; `name` must outlive the table.
  constexpr NameId intern(std::string_view name) {
    uint32_t hash = hashText(name);
    NameId id = find(name, hash);
    if (id != kNoName)
      return id;
    names.push_back(name);
    index.insert(hash, static_cast<NameId>(names.size()) - 1);
    return static_cast<NameId>(names.size()) - 1;
  }

  /// The number of a name, or kNoName if it was never interned.
  constexpr NameId find(std::string_view name) const { return find(name, hashText(name)); }
  /// Empty for kNoName.
  constexpr std::string_view text(NameId id) const { return id < 0 ? "" : names[id]; }
  constexpr size_t size() const { return names.size(); }

private:
  std::vector<std::string_view> names;
  HashIndex index;

  constexpr NameId find(std::string_view name, uint32_t hash) const {
    return index.find(hash, [&](int32_t i) { return names[i] == name; });
  }
};

/// A table from names to numbers from 0 up that is quick to empty.
class NameMap {
public:
  /// The number of a name, or -1.
  constexpr int32_t find(NameId name) const {
    return static_cast<size_t>(name) < values.size() ? values[name] : -1;
  }
  constexpr void set(NameId name, int32_t value) {
    if (values.size() <= static_cast<size_t>(name))
      values.resize(static_cast<size_t>(name) + 64, -1);
    if (values[name] < 0 && value >= 0)
      touched.push_back(name);
    values[name] = value;
  }
  constexpr void clear() {
    for (NameId name : touched)
      values[name] = -1;
    touched.clear();
  }

private:
  std::vector<int32_t> values;
  std::vector<NameId> touched;
};

} // namespace cellwright
