// Fractions of 64-bit integers that know when they overflow.
#pragma once

#include <cstdint>
#include <numeric>

namespace cellwright {

/// In lowest terms, the denominator positive; `isValid` is false after an overflow or a division by
/// zero, and stays so.
struct Rational {
  int64_t numerator = 0;
  int64_t denominator = 1;
  bool isValid = true;

  constexpr bool operator==(const Rational &) const = default;
  constexpr bool isZero() const { return isValid && numerator == 0; }
  constexpr bool isInteger() const { return isValid && denominator == 1; }
  constexpr int sign() const { return numerator > 0 ? 1 : numerator < 0 ? -1 : 0; }

  /// What an overflow gives.
  static constexpr Rational invalid() { return {0, 1, false}; }

  /// Precondition of all operations: parts above INT64_MIN, which `reduced` makes sure of.
  static constexpr Rational reduced(int64_t numerator, int64_t denominator) {
    if (denominator == 0 || numerator == INT64_MIN || denominator == INT64_MIN)
      return invalid();
    int64_t divisor = std::gcd(numerator, denominator);
    if (denominator < 0)
      divisor = -divisor;
    return {numerator / divisor, denominator / divisor, true};
  }

  friend constexpr Rational operator*(Rational a, Rational b) {
    if (!a.isValid || !b.isValid)
      return invalid();
    // Crosswise reduction keeps the products small.
    int64_t left = std::gcd(a.numerator, b.denominator);
    int64_t right = std::gcd(b.numerator, a.denominator);
    int64_t numerator = 0;
    int64_t denominator = 0;
    if (__builtin_mul_overflow(a.numerator / left, b.numerator / right, &numerator) ||
        __builtin_mul_overflow(a.denominator / right, b.denominator / left, &denominator))
      return invalid();
    return reduced(numerator, denominator);
  }
  friend constexpr Rational operator/(Rational a, Rational b) {
    if (!a.isValid || !b.isValid || b.numerator == 0)
      return invalid();
    return a * reduced(b.denominator, b.numerator);
  }
  friend constexpr Rational operator+(Rational a, Rational b) {
    if (!a.isValid || !b.isValid)
      return invalid();
    if (a.denominator == 1 && b.denominator == 1) {
      int64_t sum = 0;
      return __builtin_add_overflow(a.numerator, b.numerator, &sum) ? invalid() : reduced(sum, 1);
    }
    int64_t left = 0;
    int64_t right = 0;
    int64_t sum = 0;
    int64_t denominator = 0;
    if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
        __builtin_mul_overflow(b.numerator, a.denominator, &right) ||
        __builtin_add_overflow(left, right, &sum) ||
        __builtin_mul_overflow(a.denominator, b.denominator, &denominator))
      return invalid();
    return reduced(sum, denominator);
  }
  friend constexpr Rational operator-(Rational a) {
    return {-a.numerator, a.denominator, a.isValid};
  }
  friend constexpr Rational operator-(Rational a, Rational b) { return a + -b; }
};

} // namespace cellwright
