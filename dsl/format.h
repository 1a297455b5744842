// Canonical layout of cell files: what `fmt` writes. Formatting twice changes nothing more.
#pragma once

#include "dsl/diagnostic.h"

#include <optional>
#include <string>
#include <string_view>

namespace cellwright {

/// Lays a text out: two spaces a level, one statement a line, lines of at most 100 columns where
/// they can be broken, at most one blank line. Comments stay where they are. Nothing after syntax
/// errors, which go to `diagnostics` under `file`.
std::optional<std::string> formatText(std::string_view text, FileId file, Diagnostics &diagnostics);

} // namespace cellwright
