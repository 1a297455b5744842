// Files read whole and written whole or not at all. What one gets wrong: a file that is not
// regular, `/dev/full` or a pipe, has no place for a temporary file beside it and is written
// directly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cellwright {

/// Reads a regular file or a pipe to its end. Throws Error with the path and the reason; for a pipe
/// with a name that is also that nobody has opened it to write for five seconds.
std::string readFile(const std::string &path);

/// A regular file or a pipe that is read from its begin to its end, as `readFile` does.
class FileReader {
public:
  /// Throws Error if it cannot be opened or is something else.
  explicit FileReader(const std::string &path);
  ~FileReader();
  FileReader(const FileReader &) = delete;
  FileReader &operator=(const FileReader &) = delete;

  /// Bytes of a regular file; -1 for a pipe.
  int64_t size() const { return bytes; }
  /// Reads the next `room` bytes, fewer only if the file ends before. Throws Error.
  size_t read(char *to, size_t room);
  /// Reads what is left.
  std::string readRest();

private:
  size_t readSome(char *to, size_t room);

  std::string path;
  int descriptor = -1;
  int64_t bytes = -1;
  bool hasWriter = false; // a pipe, now or before
  bool hasWaited = false;
};

/// Writes a file whole or not at all: a temporary file in the same folder, written, synced, renamed
/// over `path`. A symbolic link stays and what it points to is replaced. Throws Error with the
/// path, what failed and why (no space on the disk included); the temporary file is gone then and
/// what was at `path` before is untouched. What a killed program left, `path` with `.tmp0` behind
/// it, goes with the next write to the same path.
void writeFile(const std::string &path, std::string_view contents);

/// As `writeFile`, but gives false and changes nothing if there is something at `path` already.
bool createFile(const std::string &path, std::string_view contents);

/// Throws the Error of `writeFile` now if nothing can be written to `path` later: no such folder,
/// no permission. Leaves no trace.
void checkCanWrite(const std::string &path);

/// True if both paths are the same file, by whatever names or links, or would be once it is made.
bool isSameFile(const std::string &a, const std::string &b);

/// A file that grows by whole lines. A line that does not fit on the disk is taken back, so that
/// only whole lines stay.
class LineFile {
public:
  /// Opens `path` for appending and makes it if it is not there. Throws Error.
  explicit LineFile(const std::string &path);
  ~LineFile();
  LineFile(const LineFile &) = delete;
  LineFile &operator=(const LineFile &) = delete;

  /// True if nothing has been written to the file yet.
  bool isEmpty() const { return size == 0; }
  /// Appends `line` and a line break, at once: it is in the file when the call returns. Throws
  /// Error.
  void append(std::string_view line);

private:
  std::string path;
  int descriptor = -1;
  int64_t size = 0;
};

} // namespace cellwright
