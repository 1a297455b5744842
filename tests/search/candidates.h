// Candidates for tests of what must hold of every one.
#pragma once

#include "search/space.h"

#include <functional>
#include <string>

namespace cellwright {

/// Calls `visit(name, candidate)`, where the name makes the candidate again: the last ones of
/// `count` chains of up to 30 edits in `jozefowicz`, which go on from what has all paths, and
/// `count` samples of a space.
using Visit = std::function<void(const std::string &name, const Candidate &candidate)>;
void forEachMutant(int count, const Visit &visit);
void forEachSample(const std::string &space, int count, const Visit &visit);

} // namespace cellwright
