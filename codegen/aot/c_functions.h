// Element-wise primitives of the function table in C99, and the small functions that they need.
#pragma once

#include "codegen/aot/c_text.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace cellwright {

/// Spells the name of a function of the file: `dot` becomes `lstm_dot`.
using SpellHelper = std::function<std::string(std::string_view)>;

/// A primitive of elements, `pow` apart, on expressions. Precondition: the table has it.
CExpression cMap(std::string_view function, std::span<const CExpression> operands, bool isDouble,
                 const SpellHelper &spell);

/// x to a power that is known.
CExpression cPower(const CExpression &x, double exponent, bool isDouble, const SpellHelper &spell);

/// True for the primitives that `cMap` knows, and for `pow`.
bool isCMap(std::string_view function);

/// The definitions of the small functions that `code` calls, in an order in which each stands
/// before those that call it.
std::string cHelpers(const std::string &code, bool isDouble, const SpellHelper &spell);

/// Names of all small functions.
std::span<const std::string_view> cHelperNames();

} // namespace cellwright
