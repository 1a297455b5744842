// What an Error says, for tests of messages.
#pragma once

#include "runtime/error.h"

#include <string>

namespace cellwright {

/// The message of the Error that `action` throws; empty if it throws none.
template <typename Action> std::string errorOf(const Action &action) {
  try {
    action();
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

} // namespace cellwright
