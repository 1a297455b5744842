// Legal cells made by chance, for properties that must hold for all of them.
#pragma once

#include <cstdint>
#include <string>

namespace cellwright::test {

/// The text of a file with a cell `a` and, sometimes, a cell `b` derived from it, in a layout that
/// is not canonical; always the same for a seed. Uses functions, options, `repeat`, `linear`,
/// slices, random functions and several inputs. Its dimensions H, I and K may have any even number.
std::string makeRandomCells(uint32_t seed);

} // namespace cellwright::test
