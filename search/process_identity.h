// Which process holds a trial, and whether it is still there: so that what a killed process held is
// free at once, not only when its lease ends.
#pragma once

#include <string>

namespace cellwright {

/// This process as a text that no other has, on this machine or another, now or later: the
/// machine's start, the name space and number of the process, and when it began.
std::string processIdentity();

/// Machine and number of this process, for people: `desk:4711`.
std::string processName();

/// True unless the process certainly ended: those of other machines and of name spaces that cannot
/// be seen from here may be alive.
bool mayBeAlive(const std::string &identity);

} // namespace cellwright
