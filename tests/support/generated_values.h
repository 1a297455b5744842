// What the generator of random cells knows about the values it writes: text, size, and the range
// that every element stays in, which keeps functions away from their poles and sums from growing.
#pragma once

#include "dsl/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cellwright::test {

/// Random numbers of one seed, the same everywhere.
class Draws {
public:
  explicit Draws(uint64_t seed) : seed(seed) {}

  int64_t below(int64_t limit) {
    return static_cast<int64_t>(mixSeed(seed, counter++) % static_cast<uint64_t>(limit));
  }
  int64_t between(int64_t least, int64_t most) { return least + below(most - least + 1); }
  bool chance(double probability) { return mixSeed(seed, counter++) < probability * 0x1p32; }
  template <typename List> auto &pick(List &list) {
    return list[static_cast<size_t>(below(static_cast<int64_t>(list.size())))];
  }

private:
  uint64_t seed;
  uint32_t counter = 0;
};

/// A sum of names of sizes and a number: `H + 2 * K - 1`.
struct GeneratedSize {
  static constexpr std::array<const char *, 3> kNames = {"H", "I", "K"};

  std::array<int, 3> factors{};
  int constant = 0;

  bool operator==(const GeneratedSize &) const = default;
  GeneratedSize operator+(const GeneratedSize &other) const {
    GeneratedSize sum = *this;
    for (size_t i = 0; i < factors.size(); ++i)
      sum.factors[i] += other.factors[i];
    sum.constant += other.constant;
    return sum;
  }
  int64_t number(const std::map<std::string, int64_t> &sizes) const {
    int64_t total = constant;
    for (size_t i = 0; i < factors.size(); ++i)
      total += factors[i] == 0 ? 0 : factors[i] * sizes.at(kNames[i]);
    return total;
  }
  std::string text() const {
    std::string text;
    for (size_t i = 0; i < factors.size(); ++i)
      if (factors[i] != 0)
        text += (text.empty() ? "" : " + ") +
                (factors[i] == 1 ? "" : std::to_string(factors[i]) + " * ") + kNames[i];
    if (text.empty())
      return std::to_string(constant);
    if (constant != 0)
      text += (constant < 0 ? " - " : " + ") + std::to_string(std::abs(constant));
    return text;
  }
};

/// Where every element of a value lies.
struct Range {
  double low = 0, high = 0;

  double most() const { return std::max(std::abs(low), std::abs(high)); }
  Range scaled(double factor) const {
    return {std::min(low * factor, high * factor), std::max(low * factor, high * factor)};
  }
  Range joined(const Range &other) const {
    return {std::min(low, other.low), std::max(high, other.high)};
  }
  static Range upTo(double most) { return {-most, most}; }
};

/// How tightly the last operator of a text binds, from loose to tight.
enum class Binding { Sum, Product, MatMul, Negation, Power, Call };

/// An expression, or a name for one.
struct GeneratedValue {
  std::string text;
  Binding binding = Binding::Call;
  int rank = 1;
  GeneratedSize rows, columns;
  Range range;
  bool isSized = true; // something in it, other than `linear`, fixes its size

  std::string inside(Binding loosest) const { return binding >= loosest ? text : "(" + text + ")"; }
};

} // namespace cellwright::test
