// Numbers for the dimensions of a cell, as callers write them: `{.H = 128, .I = 65}` where all
// names have one letter, `{{"hidden", 128}, {"I", 65}}` for any names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cellwright {

/// A dimension and its number.
struct NamedSize {
  std::string_view name;
  int64_t number = 0;
};

/// Dimensions with names of one letter, in the order of the alphabet; 0 is not given.
struct LetterSizes {
  // clang-format off
  int64_t A = 0, B = 0, C = 0, D = 0, E = 0, F = 0, G = 0, H = 0, I = 0, J = 0, K = 0, L = 0, M = 0;
  int64_t N = 0, O = 0, P = 0, Q = 0, R = 0, S = 0, T = 0, U = 0, V = 0, W = 0, X = 0, Y = 0, Z = 0;
  // clang-format on
};

/// Those of LetterSizes that are given, with their names.
class GivenLetters {
public:
  constexpr GivenLetters(const LetterSizes &sizes) {
    using S = LetterSizes;
    constexpr int64_t S::*kMembers[] = {
        &S::A, &S::B, &S::C, &S::D, &S::E, &S::F, &S::G, &S::H, &S::I, &S::J, &S::K, &S::L, &S::M,
        &S::N, &S::O, &S::P, &S::Q, &S::R, &S::S, &S::T, &S::U, &S::V, &S::W, &S::X, &S::Y, &S::Z};
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < kLetters.size(); ++i)
      if (sizes.*kMembers[i] != 0)
        named[count++] = {kLetters.substr(i, 1), sizes.*kMembers[i]};
  }
  constexpr operator std::span<const NamedSize>() const { return {named.data(), count}; }

private:
  std::array<NamedSize, 26> named = {};
  size_t count = 0;
};

} // namespace cellwright
