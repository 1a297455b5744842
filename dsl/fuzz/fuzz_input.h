// What must hold for any bytes as a cell file.
#pragma once

#include <string_view>

namespace cellwright {

/// Runs the front end on an input and aborts, after printing it, if a promise is broken: problems
/// without an error, a good cell that does not survive printing, a layout that changes when it is
/// laid out again, a step that cannot be interpreted.
void fuzzInput(std::string_view bytes);

} // namespace cellwright
