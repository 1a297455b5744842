// Texts of cells as searches have them: complete in themselves.
#pragma once

#include <string>

namespace cellwright::test {

/// A shipped cell, `lstm`, as one text that stands alone.
std::string shippedText(const std::string &name);

} // namespace cellwright::test
