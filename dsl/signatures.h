// How functions are called: the parameter texts of the function table, taken apart once.
#pragma once

#include "dsl/decimal.h"
#include "dsl/functions.h"

#include <array>
#include <string_view>

namespace cellwright {

inline constexpr int kMaxFunctionParams = 3;

struct Signature {
  int count = 0; // parameters given by position
  std::array<std::string_view, kMaxFunctionParams> names = {};
  std::string_view namedParam; // the parameter given by name, if there is one
  double preset = 0;           // and its default

  /// Whether this parameter is a compile-time number: the probability of a random function.
  constexpr bool isProbability(int param) const { return names[param] == "p"; }
};

/// Takes a text of `Function::parameters` apart.
constexpr Signature makeSignature(std::string_view params) {
  Signature signature;
  while (!params.empty()) {
    size_t comma = params.find(", ");
    std::string_view param = params.substr(0, comma);
    params = comma == std::string_view::npos ? "" : params.substr(comma + 2);
    size_t equal = param.find(" = ");
    if (equal == std::string_view::npos) {
      signature.names[signature.count++] = param;
    } else {
      signature.namedParam = param.substr(0, equal);
      signature.preset = readNumber(param.substr(equal + 3));
    }
  }
  return signature;
}

constexpr auto makeSignatures() {
  std::array<Signature, kFunctions.size()> signatures = {};
  for (size_t i = 0; i < kFunctions.size(); ++i)
    signatures[i] = makeSignature(kFunctions[i].parameters);
  return signatures;
}

/// One row for each row of kFunctions.
inline constexpr auto kSignatures = makeSignatures();

} // namespace cellwright
