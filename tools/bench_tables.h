// What `bench` prints for people.
#pragma once

#include "bench/report.h"

#include <string>

namespace cellwright {

/// The machine, a table of all rows, where the time goes if that was measured, what is slow, and
/// what is counted.
std::string benchText(const BenchReport &report);

} // namespace cellwright
