// Random numbers that depend on nothing but a seed and a name: no library's distributions, no
// library's logarithm, so that every machine draws the same first values.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cellwright {

/// xoshiro256++ 1.0 (Blackman & Vigna 2021, "Scrambled linear pseudorandom number generators";
/// prng.di.unimi.it).
class Random {
public:
  /// The stream of a name: different names and seeds give unrelated streams.
  Random(uint64_t seed, std::string_view name);
  /// The generator in this state. Precondition: not all words are zero.
  explicit Random(const std::array<uint64_t, 4> &state) : words(state) {}

  /// 64 random bits.
  uint64_t next();
  /// A multiple of 2^-53 in [0, 1).
  double uniform();
  /// Mean 0, variance 1, by the polar method (Marsaglia & Bray 1964); draws two or more uniform
  /// numbers.
  double normal();
  /// An integer in [0, count), each as likely (Lemire 2019, "Fast random integer generation in an
  /// interval"). Precondition: count > 0.
  uint64_t below(uint64_t count);

  /// From which the generator goes on as this one.
  const std::array<uint64_t, 4> &state() const { return words; }

private:
  std::array<uint64_t, 4> words;
};

} // namespace cellwright
