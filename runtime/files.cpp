// See files.h.
#include "runtime/files.h"

#include "runtime/error.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cellwright {

namespace {

/// A file descriptor that closes itself.
class Descriptor {
public:
  explicit Descriptor(int number) : number(number) {}
  ~Descriptor() {
    if (number >= 0)
      ::close(number);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;

  int get() const { return number; }
  /// Closes now; some file systems say only here that the disk is full.
  bool close() {
    int closed = number;
    number = -1;
    return ::close(closed) == 0;
  }

private:
  int number;
};

/// Removes a file unless it was kept: nothing half-written stays behind.
class Temporary {
public:
  explicit Temporary(std::string path) : path(std::move(path)) {}
  ~Temporary() {
    if (!path.empty())
      ::unlink(path.c_str());
  }
  Temporary(const Temporary &) = delete;
  Temporary &operator=(const Temporary &) = delete;

  void keep() { path.clear(); }

private:
  std::string path;
};

} // namespace

[[noreturn]] static void failToRead(const std::string &path, std::string_view what) {
  throw Error(fmt::format("cannot read `{}`: {}", path, what));
}

/// Throws with the reason that `errno` gives for what failed.
[[noreturn]] static void failToWrite(const std::string &path, std::string_view what) {
  const char *why = std::strerror(errno);
  throw Error(fmt::format("cannot write `{}`: {}: {}", path, what, why));
}

static int openRetrying(const std::string &path, int flags) {
  int number = -1;
  do
    number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  while (number < 0 && errno == EINTR);
  return number;
}

/// Writes all bytes; false with `errno` set if that is not possible.
static bool writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

//===-- Reading -------------------------------------------------------------------------------===//

std::string readFile(const std::string &path) {
  Descriptor file(openRetrying(path, O_RDONLY));
  if (file.get() < 0)
    failToRead(path, std::strerror(errno));
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0)
    failToRead(path, std::strerror(errno));
  if (S_ISDIR(status.st_mode))
    failToRead(path, "it is a folder");
  // A device such as /dev/zero has no end.
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    failToRead(path, "it is neither a regular file nor a pipe");
  std::string contents;
  constexpr size_t kLeastChunk = 1 << 16;
  // One byte more than the file has, so that the end is seen without growing.
  contents.resize(static_cast<size_t>(status.st_size) + 1);
  size_t size = 0;
  while (true) {
    if (size == contents.size())
      contents.resize(size + std::max(size / 2, kLeastChunk));
    ssize_t count = ::read(file.get(), contents.data() + size, contents.size() - size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      failToRead(path, std::strerror(errno));
    if (count == 0)
      break;
    size += static_cast<size_t>(count);
  }
  contents.resize(size);
  return contents;
}

//===-- Writing -------------------------------------------------------------------------------===//

/// What a symbolic link points to, or the path itself.
static std::string resolveLinks(const std::string &path) {
  char *resolved = ::realpath(path.c_str(), nullptr);
  if (!resolved)
    return path;
  std::string result = resolved;
  std::free(resolved);
  return result;
}

/// Makes a new file beside `target`; its name is put into `temporary`.
static int makeTemporary(const std::string &target, std::string &temporary) {
  for (int attempt = 0;; ++attempt) {
    temporary = fmt::format("{}.tmp-{}-{}", target, ::getpid(), attempt);
    int number = openRetrying(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (number >= 0 || errno != EEXIST || attempt == 99)
      return number;
  }
}

/// Makes the new name of a file last through a power failure, where the system can do that.
static void syncFolder(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor descriptor(openRetrying(folder, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() >= 0)
    (void)::fsync(descriptor.get());
}

static void writeDirectly(const std::string &path, std::string_view contents) {
  Descriptor file(openRetrying(path, O_WRONLY));
  if (file.get() < 0)
    failToWrite(path, "opening failed");
  if (!writeAll(file.get(), contents))
    failToWrite(path, "writing failed");
  if (!file.close())
    failToWrite(path, "closing failed");
}

void writeFile(const std::string &path, std::string_view contents) {
  struct stat status = {};
  bool isThere = ::stat(path.c_str(), &status) == 0;
  if (isThere && S_ISDIR(status.st_mode))
    throw Error(fmt::format("cannot write `{}`: it is a folder", path));
  if (isThere && !S_ISREG(status.st_mode))
    return writeDirectly(path, contents);

  std::string target = resolveLinks(path), name;
  Descriptor file(makeTemporary(target, name));
  if (file.get() < 0)
    failToWrite(path, "making a temporary file beside it failed");
  Temporary temporary(name);
  if (isThere)
    (void)::fchmod(file.get(), status.st_mode & 07777);
  if (!writeAll(file.get(), contents))
    failToWrite(path, "writing failed");
  if (::fsync(file.get()) != 0)
    failToWrite(path, "writing to the disk failed");
  if (!file.close())
    failToWrite(path, "closing failed");
  if (::rename(name.c_str(), target.c_str()) != 0)
    failToWrite(path, "renaming the temporary file failed");
  temporary.keep();
  syncFolder(target);
}

//===-- Lines ---------------------------------------------------------------------------------===//

LineFile::LineFile(const std::string &path) : path(path) {
  descriptor = openRetrying(path, O_WRONLY | O_CREAT | O_APPEND);
  if (descriptor < 0)
    failToWrite(path, "opening failed");
  struct stat status = {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
    size = status.st_size;
}

LineFile::~LineFile() {
  if (descriptor >= 0)
    ::close(descriptor);
}

void LineFile::append(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  if (!writeAll(descriptor, bytes)) {
    int reason = errno;
    (void)!::ftruncate(descriptor, size);
    errno = reason;
    failToWrite(path, "writing failed");
  }
  size += static_cast<int64_t>(bytes.size());
}

} // namespace cellwright
