// See random.h. Only operations that IEEE 754 rounds exactly are used; this folder is compiled
// without contraction.
#include "training/random.h"

#include <bit>
#include <cmath>

namespace cellwright {

/// SplitMix64 (Steele, Lea & Flood 2014), which the authors of xoshiro recommend for filling its
/// state.
static uint64_t splitMix(uint64_t &state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// FNV-1a, 64 bits.
static uint64_t hashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char letter : name)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return hash;
}

Random::Random(uint64_t seed, std::string_view name) {
  // The seed is mixed first: seeds that differ in one bit must not meet names that differ in the
  // same one.
  uint64_t mixed = seed;
  uint64_t start = splitMix(mixed) ^ hashName(name);
  for (uint64_t &word : words)
    word = splitMix(start);
}

uint64_t Random::next() {
  uint64_t result = std::rotl(words[0] + words[3], 23) + words[0];
  uint64_t shifted = words[1] << 17;
  words[2] ^= words[0];
  words[3] ^= words[1];
  words[1] ^= words[2];
  words[0] ^= words[3];
  words[2] ^= shifted;
  words[3] = std::rotl(words[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

/// Natural logarithm of a positive normal number: 2 atanh of a number below 0.172 as its series,
/// which 12 terms give within 4 ULP.
static double logarithm(double x) {
  int exponent = 0;
  double fraction = std::frexp(x, &exponent); // in [0.5, 1)
  constexpr double kRootHalf = 0.70710678118654752440;
  if (fraction < kRootHalf) {
    fraction *= 2;
    --exponent;
  }
  double z = (fraction - 1) / (fraction + 1);
  double square = z * z;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2)
    sum = sum * square + 1.0 / k;
  constexpr double kLog2 = 0.69314718055994530942;
  return exponent * kLog2 + 2 * z * sum;
}

double Random::normal() {
  while (true) {
    double u = 2 * uniform() - 1;
    double v = 2 * uniform() - 1;
    double s = u * u + v * v;
    if (s < 1 && s > 0)
      return u * std::sqrt(-2 * logarithm(s) / s);
  }
}

uint64_t Random::below(uint64_t count) {
  auto product = static_cast<unsigned __int128>(next()) * count;
  uint64_t threshold = -count % count;
  while (static_cast<uint64_t>(product) < threshold)
    product = static_cast<unsigned __int128>(next()) * count;
  return static_cast<uint64_t>(product >> 64);
}

} // namespace cellwright
