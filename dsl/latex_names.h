// Names and numbers as mathematicians write them.
#pragma once

#include <string>
#include <string_view>

namespace cellwright {

/// A name with what follows its first `_` as a subscript, Greek letters as such; `more` joins the
/// subscript.
std::string latexName(std::string_view name, std::string_view more = "");

/// The name of a function: `\tanh`, `\operatorname{ReLU}`.
std::string latexFunction(std::string_view name);

/// A number, with its exponent as a power of ten.
std::string latexNumber(std::string_view spelling);

/// A size as the language writes it, its names and products as above.
std::string latexSize(std::string_view size);

} // namespace cellwright
