// Exceptions of the runtime: a caller's mistake or failed I/O, never a kernel's.
#pragma once

#include "fmt/format.h"

#include <stdexcept>
#include <string>

namespace cellwright {

/// A caller's mistake or failed input or output; the message says what was found and what was
/// expected.
class Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace cellwright

/// Throws an Error with the formatted message unless the condition holds.
#define CELLWRIGHT_CHECK(condition, ...)                                                           \
  do {                                                                                             \
    if (!(condition))                                                                              \
      throw ::cellwright::Error(::fmt::format(__VA_ARGS__));                                       \
  } while (false)
