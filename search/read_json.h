// JSON of stores and of processes, read back.
#pragma once

#include "runtime/error.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace cellwright {

/// What the library finds wrong, without its own numbers of errors.
inline std::string sayJsonProblem(const nlohmann::json::exception &problem) {
  std::string text = problem.what();
  size_t end = text.starts_with('[') ? text.find("] ") : std::string::npos;
  return end == std::string::npos ? text : text.substr(end + 2);
}

/// Gives what `read` makes of the JSON of `text`. What the library finds wrong becomes an Error
/// that says `this is no` and what it should be.
template <typename Read>
auto readJson(const std::string &text, std::string_view what, const Read &read) {
  try {
    return read(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception &problem) {
    throw Error(fmt::format("this is no {}: {}", what, sayJsonProblem(problem)));
  }
}

} // namespace cellwright
