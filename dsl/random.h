// Random numbers by counting: the number for a place (random function, sequence, step, element) and
// a seed is always the same, whatever order or thread it is drawn in. Code generation emits the
// same arithmetic.
#pragma once

#include <array>
#include <cstdint>

namespace cellwright {

/// The step of what is drawn once for a sequence.
inline constexpr uint32_t kWholeSequence = 0xFFFFFFFFu;

/// Mixes four words into four others: pcg4d of Jarzynski & Olano 2020, "Hash Functions for GPU
/// Rendering", JCGT 9(3).
constexpr std::array<uint32_t, 4> mixWords(std::array<uint32_t, 4> v) {
  for (uint32_t &word : v)
    word = word * 1664525u + 1013904223u;
  auto mixAcross = [&] {
    v[0] += v[1] * v[3];
    v[1] += v[2] * v[0];
    v[2] += v[0] * v[1];
    v[3] += v[1] * v[2];
  };
  mixAcross();
  for (uint32_t &word : v)
    word ^= word >> 16;
  mixAcross();
  return v;
}

/// The first word for a random function of a cell: its number mixed into the seed (splitmix64).
constexpr uint32_t mixSeed(uint64_t seed, uint32_t site) {
  uint64_t z = seed + 0x9E3779B97F4A7C15u * (uint64_t{site} + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<uint32_t>((z ^ (z >> 31)) >> 32);
}

/// A number in [0, 1), a multiple of 2^-24. `word` is mixSeed's; `step` may be kWholeSequence.
constexpr double drawUniform(uint32_t word, uint32_t sequence, uint32_t step, uint32_t element) {
  return (mixWords({word, sequence, step, element})[0] >> 8) * 0x1p-24;
}

} // namespace cellwright
