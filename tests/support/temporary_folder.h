// A folder for one test, gone at its end.
#pragma once

#include <string>
#include <vector>

namespace cellwright {

class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// The path of a file in the folder.
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  /// Names of what the folder holds, sorted.
  std::vector<std::string> names() const;

private:
  std::string path;
};

} // namespace cellwright
