// Arithmetic of compile-time numbers, which must also work while a program is compiled, where a
// division by zero or an overflow would be an error and std::pow is not to be had.
#pragma once

#include "dsl/functions.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <type_traits>

namespace cellwright {

namespace detail {

/// base ^ exponent by squaring.
constexpr double powerOfInteger(double base, int64_t exponent) {
  double result = 1;
  for (uint64_t rest = exponent < 0 ? 0 - static_cast<uint64_t>(exponent)
                                    : static_cast<uint64_t>(exponent);
       rest != 0; rest >>= 1) {
    if (rest & 1)
      result *= base;
    if (rest > 1)
      base *= base;
  }
  return exponent < 0 ? 1 / result : result;
}

/// log(x) for normal x > 0 by the series of atanh.
constexpr double logAtCompileTime(double x) {
  int exponent = 0;
  for (; x > std::numbers::sqrt2; ++exponent)
    x /= 2;
  for (; x < std::numbers::sqrt2 / 2; --exponent)
    x *= 2;
  double ratio = (x - 1) / (x + 1);
  double power = ratio;
  double sum = 0;
  for (int i = 1; i < 41; i += 2, power *= ratio * ratio)
    sum += power / i;
  return 2 * sum + exponent * std::numbers::ln2;
}

/// exp(x) for |x| < 600 by the series of a small part of it.
constexpr double expAtCompileTime(double x) {
  auto doublings = static_cast<int>(x / std::numbers::ln2);
  double rest = x - doublings * std::numbers::ln2;
  double term = 1;
  double sum = 1;
  for (int i = 1; i < 25; ++i) {
    term *= rest / i;
    sum += term;
  }
  return sum * powerOfInteger(2, doublings);
}

} // namespace detail

/// a ^ p; at compile time with an error of some units in the last place where p is no integer.
constexpr double computePower(double a, double p) {
  if (!std::is_constant_evaluated())
    return std::pow(a, p);
  if (p == static_cast<double>(static_cast<int64_t>(p)))
    return detail::powerOfInteger(a, static_cast<int64_t>(p));
  if (a == 0)
    return 0;
  return detail::expAtCompileTime(p * detail::logAtCompileTime(a));
}

/// Computes an operator; false where that is not possible yet: while a program is compiled, for
/// what has no finite result.
constexpr bool computeConstant(FunctionId function, double a, double b, double &result) {
  constexpr FunctionId kDivide = findFunction("div");
  constexpr FunctionId kPower = findFunction("pow");
  if (std::is_constant_evaluated()) {
    auto isWithin = [](double x, double limit) { return x > -limit && x < limit; };
    bool isPositive =
        a > 1e-100 || (a < -1e-100 && b == static_cast<double>(static_cast<int64_t>(b)));
    bool isSmallPower =
        (isPositive && isWithin(b, 3.5)) || (isWithin(b, 65) && a > 1e-4 && a < 1e4);
    bool isPossible = isWithin(a, 1e100) && isWithin(b, 1e15) &&
                      (function != kDivide || b > 1e-100 || b < -1e-100) &&
                      (function != kPower || isSmallPower || (a == 0 && b > 0));
    if (!isPossible)
      return false;
  }
  result = function == kPower ? computePower(a, b) : kFunctions[function].value(a, b, 0);
  return true;
}

} // namespace cellwright
