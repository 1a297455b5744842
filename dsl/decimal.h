// Decimal numbers to doubles, correctly rounded. Short numbers need two exact doubles and one
// operation; the others go through std::from_chars at run time and through big integers at compile
// time, where from_chars does not work.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cellwright {

namespace detail {

/// An unsigned integer of any length, 32 bits a word, lowest first, no zero word on top.
class BigInteger {
public:
  constexpr explicit BigInteger(uint32_t number = 0) { words.push_back(number); }

  constexpr void multiplyAdd(uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (uint32_t &word : words) {
      carry += uint64_t{word} * factor;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0)
      words.push_back(static_cast<uint32_t>(carry));
  }
  constexpr int bits() const {
    return static_cast<int>(32 * words.size()) - std::countl_zero(words.back());
  }
  constexpr void shiftLeft(int count) {
    for (; count > 0; count -= 16)
      multiplyAdd(1u << (count < 16 ? count : 16), 0);
  }
  constexpr bool isLess(const BigInteger &other) const {
    if (words.size() != other.words.size())
      return words.size() < other.words.size();
    for (size_t i = words.size(); i-- > 0;)
      if (words[i] != other.words[i])
        return words[i] < other.words[i];
    return false;
  }
  /// Precondition: not less than `other`.
  constexpr void subtract(const BigInteger &other) {
    int64_t borrow = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      int64_t word = int64_t{words[i]} - (i < other.words.size() ? other.words[i] : 0) + borrow;
      words[i] = static_cast<uint32_t>(word);
      borrow = word < 0 ? -1 : 0;
    }
    while (words.size() > 1 && words.back() == 0)
      words.pop_back();
  }
  constexpr bool isZero() const { return words.size() == 1 && words[0] == 0; }

private:
  std::vector<uint32_t> words;
};

/// mantissa * 2^exponent, both as integers; infinity where it does not fit.
constexpr double scaleByPowerOfTwo(uint64_t mantissa, int exponent) {
  if (exponent > 971)
    return std::numeric_limits<double>::infinity();
  uint64_t biased = mantissa >> 52 ? static_cast<uint64_t>(exponent + 1075) : 0;
  if (biased >= 2047)
    return std::numeric_limits<double>::infinity();
  return std::bit_cast<double>((biased << 52) | (mantissa & ((uint64_t{1} << 52) - 1)));
}

/// numerator / denominator, rounded to the nearest double, ties to even.
constexpr double divideBig(BigInteger numerator, BigInteger denominator) {
  if (numerator.isZero())
    return 0;
  int exponent = numerator.bits() - denominator.bits() - 53;
  if (exponent < -1074)
    exponent = -1074;
  if (exponent > 0)
    denominator.shiftLeft(exponent);
  else
    numerator.shiftLeft(-exponent);
  int steps = numerator.bits() - denominator.bits() + 1;
  if (steps < 1)
    steps = 1;
  denominator.shiftLeft(steps - 1);
  uint64_t quotient = 0;
  for (int i = 0; i < steps; ++i) {
    quotient <<= 1;
    if (!numerator.isLess(denominator)) {
      numerator.subtract(denominator);
      quotient |= 1;
    }
    numerator.shiftLeft(1);
  }
  // The quotient has 53 or 54 bits (fewer below the normal range); the rest is 2 * rest /
  // denominator.
  bool sticky = !numerator.isZero();
  bool isHalf = false;
  bool isMore = false;
  if (quotient >> 53) {
    isHalf = quotient & 1;
    isMore = sticky;
    quotient >>= 1;
    ++exponent;
  } else {
    isHalf = !numerator.isLess(denominator);
    if (isHalf)
      numerator.subtract(denominator);
    isMore = !numerator.isZero();
  }
  if (isHalf && (isMore || (quotient & 1)))
    ++quotient;
  if (quotient >> 53) {
    quotient >>= 1;
    ++exponent;
  }
  return scaleByPowerOfTwo(quotient, exponent);
}

/// The digits without the point, and the power of ten that the last of them stands for.
struct Decimal {
  BigInteger digits;
  uint64_t shortDigits = 0; // the same number while it has at most 19 digits
  int digitCount = 0;
  int exponent = 0;
};

constexpr int kMaxDigits = 800; // more than the 767 that can decide a rounding

/// Reads `digits[.digits][(e|E)[+-]digits]`, whose form the lexer has checked.
constexpr Decimal readDecimal(std::string_view text) {
  Decimal decimal;
  size_t i = 0;
  bool isFraction = false;
  bool hasRest = false;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      isFraction = true;
      continue;
    }
    auto digit = static_cast<uint32_t>(text[i] - '0');
    decimal.exponent -= isFraction;
    if (decimal.digitCount == 0 && digit == 0)
      continue;
    if (decimal.digitCount >= kMaxDigits) {
      ++decimal.exponent;
      hasRest |= digit != 0;
      continue;
    }
    ++decimal.digitCount;
    if (decimal.digitCount <= 19)
      decimal.shortDigits = 10 * decimal.shortDigits + digit;
    decimal.digits.multiplyAdd(10, digit);
  }
  if (hasRest) {
    decimal.digits.multiplyAdd(10, 1);
    --decimal.exponent;
  }
  if (i == text.size())
    return decimal;
  bool isNegative = text[++i] == '-';
  i += text[i] == '-' || text[i] == '+';
  int exponent = 0;
  for (; i < text.size(); ++i)
    if (exponent < 100'000'000)
      exponent = 10 * exponent + (text[i] - '0');
  decimal.exponent += isNegative ? -exponent : exponent;
  return decimal;
}

} // namespace detail

/// Reads a number by big integers, exactly rounded; infinity beyond the range of double.
constexpr double readNumberExactly(std::string_view text) {
  detail::Decimal decimal = detail::readDecimal(text);
  if (decimal.digitCount == 0 || decimal.digitCount + decimal.exponent < -330)
    return 0;
  if (decimal.digitCount + decimal.exponent > 310)
    return std::numeric_limits<double>::infinity();
  detail::BigInteger denominator(1);
  for (int i = 0; i < decimal.exponent; ++i)
    decimal.digits.multiplyAdd(10, 0);
  for (int i = 0; i > decimal.exponent; --i)
    denominator.multiplyAdd(10, 0);
  return detail::divideBig(decimal.digits, denominator);
}

/// Reads a number of up to 15 digits and a small exponent by one exact operation; false for others.
constexpr bool readShortNumber(std::string_view text, double &number) {
  uint64_t digits = 0;
  int count = 0;
  int exponent = 0;
  bool isFraction = false;
  for (char character : text) {
    if (character == '.') {
      isFraction = true;
      continue;
    }
    if (character == 'e' || character == 'E' || ++count > 15)
      return false;
    digits = 10 * digits + static_cast<uint64_t>(character - '0');
    exponent += isFraction;
  }
  double power = 1;
  for (int i = 0; i < exponent; ++i)
    power *= 10;
  number = static_cast<double>(digits) / power;
  return true;
}

/// Reads a number of the language: the double nearest to it.
constexpr double readNumber(std::string_view text) {
  double number = 0;
  if (readShortNumber(text, number))
    return number;
  if (std::is_constant_evaluated())
    return readNumberExactly(text);
  auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc::result_out_of_range)
    return number;
  return readNumberExactly(text); // from_chars does not say whether it was too large or too small
}

} // namespace cellwright
