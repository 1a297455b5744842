// JSON of stores and of processes, read back.
#pragma once

#include "runtime/error.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace cellwright {

/// Reads `text` by `read`, which takes its JSON. What the library finds wrong becomes an Error that
/// says `this is no` and what it should be.
template <typename Thing>
Thing readJson(const std::string &text, std::string_view what,
               Thing (*read)(const nlohmann::json &)) {
  try {
    return read(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception &problem) {
    throw Error(fmt::format("this is no {}: {}", what, problem.what()));
  }
}

} // namespace cellwright
