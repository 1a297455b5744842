// Diagnostics as text for people.
#pragma once

#include "dsl/diagnostic.h"

#include <string>

namespace cellwright {

/// Writes one problem: `FILE:LINE:COLUMN: error: MESSAGE [id]`, the source line, markers, notes.
std::string renderDiagnostic(const Diagnostic &diagnostic, const Sources &sources);

/// Writes all problems in the order in which they stand.
std::string renderDiagnostics(const Diagnostics &diagnostics, const Sources &sources);

/// Writes the first problems and how many more there are: one wrong size contradicts every tensor.
std::string renderFirst(const Diagnostics &diagnostics, const Sources &sources);

} // namespace cellwright
