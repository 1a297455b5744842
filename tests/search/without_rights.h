// A user who may not write, for tests that may run as root, to whom everything is permitted.
#pragma once

#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace cellwright {

/// While it lives, this process is nobody if it was root, and a folder has these rights.
class WithoutRights {
public:
  WithoutRights(std::string folder, mode_t rights) : folder(std::move(folder)) {
    ::chmod(this->folder.c_str(), rights);
    constexpr uid_t kNobody = 65534;
    if (isRoot)
      (void)!::seteuid(kNobody);
  }
  ~WithoutRights() {
    if (isRoot)
      (void)!::seteuid(0);
    ::chmod(folder.c_str(), 0755);
  }
  WithoutRights(const WithoutRights &) = delete;
  WithoutRights &operator=(const WithoutRights &) = delete;

private:
  std::string folder;
  bool isRoot = ::geteuid() == 0;
};

} // namespace cellwright
