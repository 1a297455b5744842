// The three ways in which a phase goes over its rows and columns.
#pragma once

#include <cstdint>

namespace cellwright {

enum class PhaseLoop : uint8_t {
  Tiles, // of rows and columns, with products
  Rows,  // one after the other, with reductions or scans along each
  Panels // of columns, where nothing but the element counts
};

} // namespace cellwright
