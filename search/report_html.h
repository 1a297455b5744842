// The report of a study as a page.
#pragma once

#include "search/report.h"

#include <string>

namespace cellwright {

/// One self-contained page, without script and without a file beside it.
std::string toHtml(const SearchReport &report);

} // namespace cellwright
