// Tables as CSV.
#pragma once

#include <string>

namespace cellwright {

/// A text as a field of RFC 4180: quoted where it must be.
std::string csvField(const std::string &text);

} // namespace cellwright
