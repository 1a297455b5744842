// The initializers that a parameter may name: one row each.
#pragma once

#include "dsl/cell.h"

#include <array>
#include <string_view>

namespace cellwright {

struct InitializerRow {
  std::string_view name;
  InitializerKind kind = InitializerKind::Zeros;
  int arguments = 0;
  bool isOfMatrices = false; // others fit any shape
};

// clang-format off
inline constexpr std::array kInitializers = {
  InitializerRow{"glorot", InitializerKind::Glorot, 0, true},
  InitializerRow{"he", InitializerKind::He, 0, true},
  InitializerRow{"orthogonal", InitializerKind::Orthogonal, 0, true},
  InitializerRow{"identity", InitializerKind::Identity, 1, true},
  InitializerRow{"uniform", InitializerKind::Uniform, 2},
  InitializerRow{"normal", InitializerKind::Normal, 2},
  InitializerRow{"zeros", InitializerKind::Zeros, 0},
};
// clang-format on

/// Finds a row by name; -1 if there is none.
constexpr int findInitializer(std::string_view name) {
  for (size_t i = 0; i < kInitializers.size(); ++i)
    if (kInitializers[i].name == name)
      return static_cast<int>(i);
  return -1;
}

} // namespace cellwright
