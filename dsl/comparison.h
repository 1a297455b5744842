// The comparisons of `require`.
#pragma once

#include <cstdint>
#include <string_view>

namespace cellwright {

enum class Comparison : uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };

/// As a cell writes it.
constexpr std::string_view comparisonText(Comparison comparison) {
  constexpr std::string_view kTexts[] = {"==", "!=", "<", "<=", ">", ">="};
  return kTexts[static_cast<size_t>(comparison)];
}

/// Whether the comparison holds; with NaN only `!=` does.
constexpr bool compare(double left, Comparison comparison, double right) {
  switch (comparison) {
  case Comparison::Equal:
    return left == right;
  case Comparison::NotEqual:
    return left != right;
  case Comparison::Less:
    return left < right;
  case Comparison::LessEqual:
    return left <= right;
  case Comparison::Greater:
    return left > right;
  case Comparison::GreaterEqual:
    return left >= right;
  }
  return false;
}

} // namespace cellwright
