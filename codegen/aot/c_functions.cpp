// See c_functions.h. In the texts `$T` is the type of elements and `$F` the ending of libm's names
// for it; `$name` with another name is a helper.
#include "codegen/aot/c_functions.h"

#include "fmt/format.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace cellwright {

namespace {

struct CFunction {
  std::string_view name;
  std::string_view text; // %0, %1, %2: the operands
  CTightness tightness;
  std::array<CTightness, 3> operands; // what each place needs
};

constexpr CTightness kAny = CTightness::Conditional, kSum = CTightness::Sum,
                     kProduct = CTightness::Product, kUnary = CTightness::Unary,
                     kPostfix = CTightness::Postfix;

constexpr CFunction kCFunctions[] = {
    {"add", "%0 + %1", kSum, {kSum, kProduct}},
    {"sub", "%0 - %1", kSum, {kSum, kProduct}},
    {"mul", "%0 * %1", kProduct, {kProduct, kUnary}},
    {"div", "%0 / %1", kProduct, {kProduct, kUnary}},
    {"neg", "-%0", kUnary, {kPostfix}},
    {"where", "%0 > 0 ? %1 : %2", kAny, {kSum, kSum, kSum}},
    {"min", "$min(%0, %1)", kPostfix, {kAny, kAny}},
    {"max", "$max(%0, %1)", kPostfix, {kAny, kAny}},
    {"sigmoid", "$sigmoid(%0)", kPostfix, {kAny}},
    {"tanh", "tanh$F(%0)", kPostfix, {kAny}},
    {"exp", "exp$F(%0)", kPostfix, {kAny}},
    {"expm1", "expm1$F(%0)", kPostfix, {kAny}},
    {"log", "log$F(%0)", kPostfix, {kAny}},
    {"log1p", "log1p$F(%0)", kPostfix, {kAny}},
    {"sqrt", "sqrt$F(%0)", kPostfix, {kAny}},
    {"abs", "fabs$F(%0)", kPostfix, {kAny}},
    {"erf", "erf$F(%0)", kPostfix, {kAny}},
    {"sin", "sin$F(%0)", kPostfix, {kAny}},
    {"cos", "cos$F(%0)", kPostfix, {kAny}},
};

struct Helper {
  std::string_view name, text;
};

constexpr Helper kHelpers[] = {
    // Eight sums, as compilers do not divide one themselves. Measured on Zen 4, 64 columns: with
    // gcc 12 31 to 51 GF/s from -O2 to -O3 -march=native, where one sum gives 5 to 9 and four sums
    // in a vector of their own 26, 41 and 10.
    {"dot", R"(/* Sum of the products of n elements. */
static $T $dot(const $T *a, const $T *b, int32_t n) {
  $T s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
  int32_t k = 0;
  for (; k + 8 <= n; k += 8) {
    s0 += a[k] * b[k];
    s1 += a[k + 1] * b[k + 1];
    s2 += a[k + 2] * b[k + 2];
    s3 += a[k + 3] * b[k + 3];
    s4 += a[k + 4] * b[k + 4];
    s5 += a[k + 5] * b[k + 5];
    s6 += a[k + 6] * b[k + 6];
    s7 += a[k + 7] * b[k + 7];
  }
  for (; k < n; ++k)
    s0 += a[k] * b[k];
  return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
}
)"},
    {"sigmoid", "static $T $sigmoid($T x) { return 1 / (1 + exp$F(-x)); }\n"},
    {"min", R"(/* NaN if either is. */
static $T $min($T a, $T b) { return a != a || a < b ? a : b; }
)"},
    {"max", R"(/* NaN if either is. */
static $T $max($T a, $T b) { return a != a || a > b ? a : b; }
)"},
    {"power", R"(/* x to the n, n >= 0. */
static $T $power($T x, int n) {
  $T product = 1;
  for (; n > 0; --n)
    product *= x;
  return product;
}
)"},
    {"mix_seed",
     R"(/* The first word for a random function: its number mixed into the seed (splitmix64). */
static uint32_t $mix_seed(uint64_t seed, uint32_t site) {
  uint64_t z = seed + UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)site + 1);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}
)"},
    {"uniform", R"(/* A number in [0, 1) for a place: pcg4d of Jarzynski & Olano 2020. */
static $T $uniform(uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  x = x * UINT32_C(1664525) + UINT32_C(1013904223);
  y = y * UINT32_C(1664525) + UINT32_C(1013904223);
  z = z * UINT32_C(1664525) + UINT32_C(1013904223);
  w = w * UINT32_C(1664525) + UINT32_C(1013904223);
  x += y * w;
  y += z * x;
  z += x * y;
  w += y * z;
  x ^= x >> 16;
  y ^= y >> 16;
  z ^= z >> 16;
  w ^= w >> 16;
  x += y * w;
  return ($T)(x >> 8) / 16777216;
}
)"},
};

constexpr auto kHelperNames = [] {
  std::array<std::string_view, std::size(kHelpers)> names;
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = kHelpers[i].name;
  return names;
}();

const CFunction *findCFunction(std::string_view name) {
  auto found = std::find_if(std::begin(kCFunctions), std::end(kCFunctions),
                            [&](const CFunction &f) { return f.name == name; });
  return found == std::end(kCFunctions) ? nullptr : found;
}

/// Puts in the type and the names of helpers.
std::string fillIn(std::string_view text, bool isDouble, const SpellHelper &spell) {
  std::string result(text);
  for (std::string_view helper : kHelperNames)
    replaceAll(result, fmt::format("${}(", helper), spell(helper) + "(");
  replaceAll(result, "$T", isDouble ? "double" : "float");
  replaceAll(result, "$F", isDouble ? "" : "f");
  return result;
}

} // namespace

CExpression cMap(std::string_view function, std::span<const CExpression> operands, bool isDouble,
                 const SpellHelper &spell) {
  const CFunction *row = findCFunction(function);
  assert(row && "a function without expansion is a primitive");
  std::string filled = fillIn(row->text, isDouble, spell);
  // Not by replacing: an operand's text may hold a percent sign one day.
  std::string text;
  for (size_t i = 0; i < filled.size(); ++i) {
    if (filled[i] != '%') {
      text += filled[i];
      continue;
    }
    size_t operand = static_cast<size_t>(filled[++i] - '0');
    text += operands[operand].at(row->operands[operand]);
  }
  return {text, row->tightness};
}

CExpression cPower(const CExpression &x, double exponent, bool isDouble, const SpellHelper &spell) {
  constexpr double kMostMultiplications = 8; // above, their roundings are more than libm's error
  double magnitude = std::abs(exponent);
  if (magnitude != std::floor(magnitude) || magnitude > kMostMultiplications)
    return {fmt::format("pow{}({}, {})", isDouble ? "" : "f", x.text,
                        cNumber(exponent, isDouble).text)};
  std::string power = magnitude == 1 ? x.at(CTightness::Unary)
                                     : fmt::format("{}({}, {})", spell("power"), x.text, magnitude);
  if (exponent < 0)
    return {"1 / " + power, CTightness::Product};
  return {power, magnitude == 1 ? CTightness::Unary : CTightness::Postfix};
}

bool isCMap(std::string_view function) { return function == "pow" || findCFunction(function); }

std::string cHelpers(const std::string &code, bool isDouble, const SpellHelper &spell) {
  std::string definitions;
  for (const Helper &helper : kHelpers)
    if (mentions(code, spell(helper.name)))
      definitions += fillIn(helper.text, isDouble, spell) + "\n";
  return definitions;
}

std::span<const std::string_view> cHelperNames() { return kHelperNames; }

} // namespace cellwright
