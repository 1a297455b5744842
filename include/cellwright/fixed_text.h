// A string as a template argument: `cell<"...">()`, `param<"W_h_x">()`.
#pragma once

#include <cstddef>
#include <string_view>

namespace cellwright {

/// A string of exactly N characters, so that compilers print it without padding.
template <size_t N> struct FixedText {
  char characters[N + 1] = {};

  constexpr FixedText() = default;
  constexpr FixedText(const char (&text)[N + 1]) : FixedText(std::string_view(text, N)) {}
  /// Takes the first N characters.
  constexpr explicit FixedText(std::string_view text) {
    for (size_t i = 0; i < N; ++i)
      characters[i] = text[i];
  }
  constexpr std::string_view view() const { return {characters, N}; }
};

template <size_t N> FixedText(const char (&)[N]) -> FixedText<N - 1>;

} // namespace cellwright
