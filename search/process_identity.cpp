// See process_identity.h; /proc of Linux tells.
#include "search/process_identity.h"

#include "runtime/error.h"

#include <climits>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace cellwright {

static std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// What numbers of processes mean something together: a start of the machine and a name space.
static std::string describePlace() {
  char space[PATH_MAX] = {};
  ssize_t length = ::readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return readLine("/proc/sys/kernel/random/boot_id") + " " +
         std::string(space, length > 0 ? static_cast<size_t>(length) : 0);
}

/// When a process began, in ticks since the machine's start; empty if it is not there, or is dead
/// and only not yet collected by its parent.
static std::string startOf(const std::string &process) {
  std::string line = readLine("/proc/" + process + "/stat");
  // The name in parentheses may hold anything; state is the first field behind it, start the 20th.
  size_t at = line.rfind(')');
  if (at == std::string::npos || line.size() < at + 3 || line[at + 2] == 'Z' || line[at + 2] == 'X')
    return "";
  constexpr int kFieldsBefore = 20;
  for (int i = 0; i < kFieldsBefore && at != std::string::npos; ++i)
    at = line.find(' ', at + 1);
  if (at == std::string::npos)
    return "";
  return line.substr(at + 1, line.find(' ', at + 1) - at - 1);
}

std::string processIdentity() {
  std::string process = std::to_string(::getpid());
  return fmt::format("{}/{}/{}", describePlace(), process, startOf(process));
}

std::string processName() {
  char host[HOST_NAME_MAX + 1] = {};
  (void)::gethostname(host, HOST_NAME_MAX);
  return fmt::format("{}:{}", host, ::getpid());
}

bool mayBeAlive(const std::string &identity) {
  size_t second = identity.rfind('/');
  size_t first = second == std::string::npos || second == 0 ? std::string::npos
                                                            : identity.rfind('/', second - 1);
  if (first == std::string::npos || identity.substr(0, first) != describePlace())
    return true;
  std::string process = identity.substr(first + 1, second - first - 1);
  return startOf(process) == identity.substr(second + 1);
}

} // namespace cellwright
