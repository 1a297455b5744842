// The spaces that have a name, one a file.
#pragma once

#include "search/space.h"

#include <memory>
#include <string>

namespace cellwright {

std::unique_ptr<Space> makeJozefowicz();
std::unique_ptr<Space> makeZophLe();
std::unique_ptr<Space> makeEnas();
std::unique_ptr<Space> makeDarts();
std::unique_ptr<Space> makeNasBenchNlp();

/// The space of a file with one cell that has choices, or of `file.cell:name`.
std::unique_ptr<Space> makeFileSpace(const std::string &file);

} // namespace cellwright
