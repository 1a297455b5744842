// The shipped cells, for tests that are about every one of them.
#pragma once

#include <string>
#include <vector>

namespace cellwright::test {

/// Names of all shipped cells, in the order of their files.
std::vector<std::string> shippedCells();

} // namespace cellwright::test
