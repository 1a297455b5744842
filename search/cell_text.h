// Cells of a search as texts.
#pragma once

#include "dsl/canonical.h"
#include "dsl/frontend.h"

#include <functional>
#include <string>
#include <string_view>

namespace cellwright {

/// Checks a text with one cell and calls `visit` while the front end lives. Throws Error with the
/// problems.
void withCell(const std::string &text,
              const std::function<void(const Program &, const CheckedCell &)> &visit);

/// Checks a text with one cell and gives the hash of its canonical form. Throws Error with the
/// problems.
Hash128 hashOfCell(const std::string &text);

/// Checks a text with one cell and gives it as `show` prints it. Throws Error with the problems.
std::string printedCell(const std::string &text);

/// The text with the name that `rename` makes of its cell's. Throws Error with the problems.
std::string renameCell(const std::string &text,
                       const std::function<std::string(std::string_view name)> &rename);

/// What an edit did: `what`, then the lines that are gone and those that are new.
std::string describeEdit(const std::string &what, const std::string &before,
                         const std::string &after);

} // namespace cellwright
