// How the library throws its exceptions: a caller's mistake or failed I/O, never a kernel's.
#pragma once

#include "runtime/exception.h"

#include "fmt/format.h"

/// Throws an Error with the formatted message unless the condition holds.
#define CELLWRIGHT_CHECK(condition, ...)                                                           \
  do {                                                                                             \
    if (!(condition))                                                                              \
      throw ::cellwright::Error(::fmt::format(__VA_ARGS__));                                       \
  } while (false)
