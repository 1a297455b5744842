// See function_ranges.h.
#include "tests/support/function_ranges.h"

#include <algorithm>
#include <cmath>

namespace cellwright::test {

namespace {

// Bounds that keep differences of a value meaningful over some steps.
constexpr double kMostSlope = 12;

/// The value of a row at operands and, after them, its named arguments.
double valueAt(const Function &function, const std::vector<double> &operands) {
  double arguments[3] = {};
  std::copy(operands.begin(), operands.end(), arguments);
  return function.value(arguments[0], arguments[1], arguments[2]);
}

/// True if the row is finite, small and not steep around a point. At 0 it may jump.
bool isTameAt(const Function &function, std::vector<double> point, size_t operands) {
  constexpr double kStep = 1e-6;
  double value = valueAt(function, point);
  if (!(std::abs(value) <= kMostMagnitude))
    return false;
  for (size_t i = 0; i < operands; ++i) {
    double center = point[i];
    point[i] = center + kStep;
    double right = valueAt(function, point);
    point[i] = center - kStep;
    double left = valueAt(function, point);
    point[i] = center;
    double rise = std::min(std::abs(right - value), std::abs(left - value));
    if (!std::isfinite(left) || !std::isfinite(right) || (center != 0 && rise > kMostSlope * kStep))
      return false;
  }
  return true;
}

/// Numbers all over a range, 0 among them if it is one.
std::vector<double> samplesOf(const Range &range, int count) {
  std::vector<double> samples;
  for (int i = 0; i < count; ++i)
    samples.push_back(range.low + i * (range.high - range.low) / (count - 1));
  if (range.low < 0 && range.high > 0)
    samples.push_back(0);
  return samples;
}

} // namespace

Signature signatureOf(const Function &function) {
  Signature signature;
  std::string_view rest = function.parameters;
  while (!rest.empty()) {
    std::string_view parameter = rest.substr(0, rest.find(", "));
    rest.remove_prefix(std::min(rest.size(), parameter.size() + 2));
    size_t end = parameter.find(" = ");
    if (end == std::string_view::npos)
      ++signature.operands;
    else
      signature.named.emplace_back(parameter.substr(0, end));
  }
  return signature;
}

std::optional<Range> rangeOf(const Function &function, std::span<const Range> operands,
                             const std::vector<double> &named) {
  std::vector<std::vector<double>> samples;
  size_t combinations = 1;
  for (const Range &operand : operands) {
    samples.push_back(samplesOf(operand, operands.size() == 1   ? 65
                                         : operands.size() == 2 ? 17
                                                                : 7));
    combinations *= samples.back().size();
  }
  std::vector<double> point(operands.size());
  point.insert(point.end(), named.begin(), named.end());
  std::optional<Range> range;
  for (size_t combination = 0; combination < combinations; ++combination) {
    size_t rest = combination;
    for (size_t i = 0; i < operands.size(); ++i) {
      point[i] = samples[i][rest % samples[i].size()];
      rest /= samples[i].size();
    }
    if (!isTameAt(function, point, operands.size()))
      return std::nullopt;
    double value = valueAt(function, point);
    range = range ? range->joined({value, value}) : Range{value, value};
  }
  // The ends may lie between samples.
  double margin = 0.01 * (range->high - range->low);
  return Range{range->low - margin, range->high + margin};
}

Range rangeOverVector(std::string_view name, int64_t n, const Range &v, const Range &other) {
  double count = static_cast<double>(n);
  if (name == "sum" || name == "cumsum")
    return v.joined(v.scaled(count));
  if (name == "mean")
    return v;
  if (name == "norm2")
    return {0, std::sqrt(count) * v.most()};
  if (name == "dot")
    return Range::upTo(count * v.most() * other.most());
  if (name == "softmax")
    return {0, 1};
  return Range::upTo(std::sqrt(count));
}

} // namespace cellwright::test
