// How much memory there is for what somebody asks for. The system gives more than it has and ends
// the program when it is used, so sizes are compared before anything is allocated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cellwright {

/// Bytes that this program can still take: what the machine, its control group and its own limit
/// leave, whichever is least; INT64_MAX if none of them says.
int64_t availableMemory();

/// `1.5 GB`, for messages.
std::string formatBytes(double bytes);

/// Throws Error if so many bytes are not available: `what`, which needs them, begins the message,
/// `hint` ends it.
void checkMemory(double bytes, std::string_view what, std::string_view hint);

} // namespace cellwright
