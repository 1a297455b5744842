// The tasks, for the help of commands that take one.
#pragma once

#include <string>

namespace cellwright {

std::string describeTasks();

} // namespace cellwright
