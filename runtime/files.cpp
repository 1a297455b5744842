// See files.h.
#include "runtime/files.h"

#include "runtime/error.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

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
  /// Gives the number to somebody else, who closes it.
  int release() { return std::exchange(number, -1); }
  /// Closes now; some file systems say only here that the disk is full.
  bool close() { return ::close(release()) == 0; }

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

/// Waits until a pipe has something to read or has lost its writer, so many milliseconds or, with
/// -1, for ever; false if nothing happened.
static bool awaitPipe(int descriptor, int milliseconds) {
  pollfd awaited = {descriptor, POLLIN, 0};
  int ready = -1;
  do
    ready = ::poll(&awaited, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready != 0;
}

FileReader::FileReader(const std::string &path) : path(path) {
  // Opening a pipe that nobody writes to would block.
  Descriptor file(openRetrying(path, O_RDONLY | O_NONBLOCK));
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
  if (S_ISREG(status.st_mode))
    bytes = status.st_size;
  descriptor = file.release();
}

FileReader::~FileReader() { ::close(descriptor); }

/// At least one byte; 0 at the end.
size_t FileReader::readSome(char *to, size_t room) {
  constexpr int kPatience = 5000; // ms
  while (true) {
    ssize_t count = ::read(descriptor, to, room);
    if (count > 0 || (count == 0 && (bytes >= 0 || hasWriter))) {
      hasWriter = true;
      return static_cast<size_t>(count);
    }
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno != EAGAIN)
      failToRead(path, std::strerror(errno));
    if (count < 0) {
      hasWriter = true;
      awaitPipe(descriptor, -1);
    } else if (hasWaited) {
      failToRead(path, "it is a pipe that nothing writes to");
    } else {
      hasWriter = awaitPipe(descriptor, kPatience);
      hasWaited = true;
    }
  }
}

size_t FileReader::read(char *to, size_t room) {
  size_t filled = 0;
  while (filled < room) {
    size_t count = readSome(to + filled, room - filled);
    if (count == 0)
      break;
    filled += count;
  }
  return filled;
}

std::string FileReader::readRest() {
  std::string contents;
  constexpr size_t kLeastChunk = 1 << 16;
  // One byte more than the file has, so that the end is seen without growing.
  contents.resize(static_cast<size_t>(std::max<int64_t>(bytes, 0)) + 1);
  size_t size = 0;
  while (true) {
    if (size == contents.size())
      contents.resize(size + std::max(size / 2, kLeastChunk));
    size_t room = contents.size() - size;
    size_t count = read(contents.data() + size, room);
    size += count;
    if (count < room)
      break;
  }
  contents.resize(size);
  return contents;
}

std::string readFile(const std::string &path) { return FileReader(path).readRest(); }

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

/// Opens a file that is there already if nobody writes it: a killed program left it. Its lock
/// tells, which goes with the program.
static bool isLeftover(const std::string &temporary) {
  Descriptor descriptor(openRetrying(temporary, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return descriptor.get() >= 0 && ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0;
}

/// Makes a new, locked file beside `target`; its name is put into `temporary`. -1 with `errno` set
/// if that is not possible.
static int makeTemporary(const std::string &target, std::string &temporary) {
  constexpr int kWriters = 100; // of the same file at the same time
  for (int i = 0; i < kWriters; ++i) {
    temporary = fmt::format("{}.tmp{}", target, i);
    constexpr int kRaces = 10;
    for (int race = 0; race < kRaces; ++race) {
      int number = openRetrying(temporary, O_WRONLY | O_CREAT | O_EXCL);
      if (number >= 0) {
        (void)::flock(number, LOCK_EX | LOCK_NB);
        // Before the lock was there somebody may have taken the file for a leftover.
        struct stat status = {};
        if (::fstat(number, &status) == 0 && status.st_nlink > 0)
          return number;
        ::close(number);
      } else if (errno != EEXIST) {
        return -1;
      } else if (!isLeftover(temporary) || ::unlink(temporary.c_str()) != 0) {
        break;
      }
    }
  }
  errno = EEXIST;
  return -1;
}

/// Makes the new name of a file last through a power failure, where the system can do that.
static void syncFolder(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor descriptor(openRetrying(folder, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() >= 0)
    (void)::fsync(descriptor.get());
}

/// Opens what is not regular to write. A pipe that nobody reads would block for ever: ENXIO after
/// some seconds.
static int openDirectly(const std::string &path) {
  constexpr int kPause = 10, kPatience = 5000; // ms
  int number = openRetrying(path, O_WRONLY | O_NONBLOCK);
  for (int waited = 0; number < 0 && errno == ENXIO && waited < kPatience; waited += kPause) {
    (void)::poll(nullptr, 0, kPause);
    number = openRetrying(path, O_WRONLY | O_NONBLOCK);
  }
  // Writing waits for the reader.
  if (number >= 0)
    (void)::fcntl(number, F_SETFL, O_WRONLY);
  return number;
}

static void writeDirectly(const std::string &path, std::string_view contents) {
  Descriptor file(openDirectly(path));
  if (file.get() < 0)
    failToWrite(path, errno == ENXIO ? "nothing reads from the pipe" : "opening failed");
  if (!writeAll(file.get(), contents))
    failToWrite(path, "writing failed");
  if (!file.close())
    failToWrite(path, "closing failed");
}

namespace {

/// Where the contents of a path go.
struct Target {
  std::string path; // with links resolved
  mode_t mode = 0;  // of what is there; 0: nothing is
  bool isRegular = true;
};

} // namespace

static Target findTarget(const std::string &path) {
  struct stat status = {};
  bool isThere = ::stat(path.c_str(), &status) == 0;
  if (isThere && S_ISDIR(status.st_mode))
    throw Error(fmt::format("cannot write `{}`: it is a folder", path));
  if (isThere && !S_ISREG(status.st_mode))
    return {path, status.st_mode, false};
  return {resolveLinks(path), isThere ? status.st_mode & 07777 : 0, true};
}

/// Writes what belongs to `path` into its temporary file, through to the disk.
static void fillFile(const std::string &path, int descriptor, std::string_view contents) {
  if (!writeAll(descriptor, contents))
    failToWrite(path, "writing failed");
  if (::fsync(descriptor) != 0)
    failToWrite(path, "writing to the disk failed");
}

void writeFile(const std::string &path, std::string_view contents) {
  Target target = findTarget(path);
  if (!target.isRegular)
    return writeDirectly(path, contents);
  std::string name;
  Descriptor file(makeTemporary(target.path, name));
  if (file.get() < 0)
    failToWrite(path, "making a temporary file beside it failed");
  Temporary temporary(name);
  if (target.mode != 0)
    (void)::fchmod(file.get(), target.mode);
  fillFile(path, file.get(), contents);
  // Not closed before: the lock keeps others away until the file has its name.
  if (::rename(name.c_str(), target.path.c_str()) != 0)
    failToWrite(path, "renaming the temporary file failed");
  temporary.keep();
  syncFolder(target.path);
}

bool createFile(const std::string &path, std::string_view contents) {
  std::string name;
  Descriptor file(makeTemporary(path, name));
  if (file.get() < 0)
    failToWrite(path, "making a temporary file beside it failed");
  Temporary temporary(name);
  fillFile(path, file.get(), contents);
  // A second name, unlike a new one, is not given over what is there.
  if (::link(name.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST)
      return false;
    failToWrite(path, "naming the temporary file failed");
  }
  syncFolder(path);
  return true;
}

void checkCanWrite(const std::string &path) {
  Target target = findTarget(path);
  if (!target.isRegular) {
    if (::access(path.c_str(), W_OK) != 0)
      failToWrite(path, "opening failed");
    return;
  }
  std::string name;
  Descriptor file(makeTemporary(target.path, name));
  if (file.get() < 0)
    failToWrite(path, "making a temporary file beside it failed");
  Temporary temporary(name);
}

/// The path without links and dots; of a file that is not there yet, that of its folder and its
/// name.
static std::string canonicalPath(const std::string &path) {
  std::string whole = resolveLinks(path);
  if (whole != path)
    return whole;
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return resolveLinks(folder) + "/" + path.substr(slash == std::string::npos ? 0 : slash + 1);
}

bool isSameFile(const std::string &a, const std::string &b) {
  struct stat first = {}, second = {};
  if (::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0)
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
  return canonicalPath(a) == canonicalPath(b);
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
