// An object file in memory, linked into this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace cellwright {

class LinkedObject {
public:
  /// Throws Error if the object cannot be linked; `name` is for messages.
  LinkedObject(const std::vector<char> &object, const std::string &name);
  ~LinkedObject();
  LinkedObject(LinkedObject &&) noexcept;

  /// The address of a function, valid as long as this object. Throws Error if it has none of that
  /// name.
  template <typename Function> Function lookup(const std::string &symbol) const {
    return reinterpret_cast<Function>(address(symbol));
  }

private:
  void *address(const std::string &symbol) const;

  struct Parts;
  std::unique_ptr<Parts> parts;
};

} // namespace cellwright
