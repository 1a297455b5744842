// Small cells at the edges of the language, each a case that some part of the compiler treats
// apart, for tests of code generation.
#pragma once

#include "support.h"

#include <string>
#include <vector>

namespace cellwright {

struct EdgeCell {
  const char *what;
  const char *body; // statements
  std::vector<std::string> indexInputs = {};
};

/// All of them; their sizes are I, H and K.
const std::vector<EdgeCell> &edgeCells();

TestCell cellOf(const EdgeCell &edge);

} // namespace cellwright
