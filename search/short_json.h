// JSON in messages.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace cellwright {

/// The text of a value in ASCII, cut after 80 characters.
inline std::string shortJson(const nlohmann::json &value) {
  constexpr size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', true);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

} // namespace cellwright
