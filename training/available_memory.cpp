// See available_memory.h.
#include "training/available_memory.h"

#include "runtime/error.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace cellwright {

static constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

/// The number behind a key in lines of `key number`; in a file of a number alone the key is empty.
static std::optional<int64_t> readNumber(const std::string &path, std::string_view key = {}) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string first;
    int64_t number = 0;
    if (!key.empty() && (!(words >> first) || first != key))
      continue;
    if (words >> number)
      return number;
    return std::nullopt; // `max`, in a control group without limit
  }
  return std::nullopt;
}

/// What the whole machine has.
static int64_t ofMachine() {
  auto kilobytes = readNumber("/proc/meminfo", "MemAvailable:");
  return kilobytes ? *kilobytes * 1024 : kUnlimited;
}

/// What a control group's folder leaves: its limit less what is used, but for the cache of files
/// that nobody misses.
static int64_t ofGroup(const std::string &folder, const char *limit, const char *usage,
                       const char *cache) {
  auto most = readNumber(folder + limit);
  auto used = readNumber(folder + usage);
  if (!most || !used)
    return kUnlimited;
  int64_t cached = readNumber(folder + "/memory.stat", cache).value_or(0);
  return std::max<int64_t>(*most - std::max<int64_t>(*used - cached, 0), 0);
}

/// The control group of this process, in both versions of such groups, and the topmost one, which
/// is what a container sees of its own.
static int64_t ofGroups() {
  std::vector<std::string> names = {""};
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    // `4:memory:/name` or, in the second version, `0::/name`.
    size_t colon = line.find(':');
    size_t second = colon == std::string::npos ? colon : line.find(':', colon + 1);
    if (second == std::string::npos)
      continue;
    std::string_view kind = std::string_view(line).substr(colon + 1, second - colon - 1);
    if (kind.empty() || kind == "memory")
      names.push_back(line.substr(second + 1));
  }
  int64_t least = kUnlimited;
  for (const std::string &name : names) {
    least = std::min(
        least, ofGroup("/sys/fs/cgroup" + name, "/memory.max", "/memory.current", "inactive_file"));
    least = std::min(least, ofGroup("/sys/fs/cgroup/memory" + name, "/memory.limit_in_bytes",
                                    "/memory.usage_in_bytes", "total_inactive_file"));
  }
  return least;
}

/// What `ulimit -v` leaves.
static int64_t ofLimit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return kUnlimited;
  int64_t pages = readNumber("/proc/self/statm").value_or(0);
  return std::max<int64_t>(static_cast<int64_t>(limit.rlim_cur) - pages * ::sysconf(_SC_PAGESIZE),
                           0);
}

int64_t availableMemory() { return std::min({ofMachine(), ofGroups(), ofLimit()}); }

std::string formatBytes(double bytes) {
  static constexpr std::array<const char *, 7> kUnits = {"bytes", "kB", "MB", "GB",
                                                         "TB",    "PB", "EB"};
  size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < kUnits.size(); ++unit)
    bytes /= 1000;
  return fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}

void checkMemory(double bytes, std::string_view what, std::string_view hint) {
  int64_t available = availableMemory();
  CELLWRIGHT_CHECK(bytes <= static_cast<double>(available),
                   "{} about {} of memory, {} are free; {}", what, formatBytes(bytes),
                   formatBytes(static_cast<double>(available)), hint);
}

} // namespace cellwright
