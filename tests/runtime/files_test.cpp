#include "runtime/files.h"

#include "tests/support/error_text.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cellwright;

TEST_CASE("a file is read as it was written") {
  TemporaryFolder folder;
  std::string contents = std::string("a\0b\n", 4) + std::string(200'000, 'x');
  writeFile(folder / "file", contents);
  CHECK(readFile(folder / "file") == contents);
  writeFile(folder / "file", "");
  CHECK(readFile(folder / "file").empty());
  CHECK(folder.names() == std::vector<std::string>{"file"});
}

TEST_CASE("a write that does not fit leaves the old file and nothing else") {
  TemporaryFolder folder;
  writeFile(folder / "file", "old");
  std::string message;
  {
    FileSizeLimit limit(1000);
    message = errorOf([&] { writeFile(folder / "file", std::string(5000, 'x')); });
  }
  CHECK(message == "cannot write `" + (folder / "file") + "`: writing failed: File too large");
  CHECK(readFile(folder / "file") == "old");
  CHECK(folder.names() == std::vector<std::string>{"file"});
}

TEST_CASE("what is not regular is written directly and stays what it is") {
  TemporaryFolder folder;
  std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string seen;
  std::thread reader([&] { seen = readFile(pipe); });
  writeFile(pipe, "through");
  reader.join();
  CHECK(seen == "through");
  CHECK(std::filesystem::is_fifo(pipe));
  CHECK(folder.names() == std::vector<std::string>{"pipe"});
}

TEST_CASE("a pipe is read when its writer comes later") {
  TemporaryFolder folder;
  std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string seen;
  std::thread reader([&] { seen = readFile(pipe); });
  std::string contents(300'000, 'x'); // more than a pipe holds
  writeFile(pipe, contents);
  reader.join();
  CHECK(seen == contents);
}

TEST_CASE("what a killed program left goes with the next write") {
  TemporaryFolder folder;
  writeFile(folder / "file.tmp0", "half a fi");
  writeFile(folder / "file", "whole");
  CHECK(readFile(folder / "file") == "whole");
  CHECK(folder.names() == std::vector<std::string>{"file"});
}

TEST_CASE("a temporary file that another program writes stays") {
  TemporaryFolder folder;
  writeFile(folder / "file.tmp0", "half");
  int others = ::open((folder / "file.tmp0").c_str(), O_RDONLY);
  REQUIRE(::flock(others, LOCK_EX) == 0);
  writeFile(folder / "file", "whole");
  CHECK(folder.names() == std::vector<std::string>{"file", "file.tmp0"});
  CHECK(readFile(folder / "file.tmp0") == "half");
  ::close(others);
}

TEST_CASE("whether a file can be written is known before, and leaves no trace") {
  TemporaryFolder folder;
  checkCanWrite(folder / "new");
  CHECK(folder.names().empty());
  writeFile(folder / "old", "old");
  checkCanWrite(folder / "old");
  CHECK(readFile(folder / "old") == "old");
  checkCanWrite("/dev/null");
  for (const std::string &path : {folder / "none/file", folder / ".", folder / "old/file"}) {
    std::string message = errorOf([&] { checkCanWrite(path); });
    CHECK(message.starts_with("cannot write `" + path + "`"));
    CHECK(message == errorOf([&] { writeFile(path, "x"); }));
  }
  CHECK(folder.names() == std::vector<std::string>{"old"});
}

TEST_CASE("a file is the same by all its names") {
  TemporaryFolder folder;
  writeFile(folder / "file", "x");
  std::filesystem::create_symlink(folder / "file", folder / "link");
  std::filesystem::create_hard_link(folder / "file", folder / "hard");
  std::filesystem::create_symlink(folder / ".", folder / "here");
  writeFile(folder / "other", "x");
  CHECK(isSameFile(folder / "file", folder / "link"));
  CHECK(isSameFile(folder / "file", folder / "hard"));
  CHECK(isSameFile(folder / "file", folder / "here/./file"));
  CHECK(!isSameFile(folder / "file", folder / "other"));
  // Of files that are not there yet.
  CHECK(isSameFile(folder / "new", folder / "here/new"));
  CHECK(!isSameFile(folder / "new", folder / "newer"));
  CHECK(!isSameFile(folder / "new", folder / "file"));
}

TEST_CASE("a full device is reported") {
  // Not with writeFile: if it failed this test as root, it would put a file in the device's place.
  LineFile file("/dev/full");
  CHECK(errorOf([&] { file.append("x"); }) ==
        "cannot write `/dev/full`: writing failed: No space left on device");
}

TEST_CASE("a symbolic link stays and its target is replaced") {
  TemporaryFolder folder;
  writeFile(folder / "target", "old");
  std::filesystem::create_symlink(folder / "target", folder / "link");
  writeFile(folder / "link", "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(readFile(folder / "target") == "new");
}

TEST_CASE("what cannot be read or written is named with the reason") {
  TemporaryFolder folder;
  std::string missing = folder / "none/file";
  CHECK(errorOf([&] { readFile(missing); }) ==
        "cannot read `" + missing + "`: No such file or directory");
  CHECK(errorOf([&] { writeFile(missing, "x"); }) ==
        "cannot write `" + missing +
            "`: making a temporary file beside it failed: No such file or directory");
  CHECK(errorOf([&] { readFile(folder / "."); }).ends_with("it is a folder"));
  CHECK(errorOf([&] { writeFile(folder / ".", "x"); }).ends_with("it is a folder"));
  CHECK(
      errorOf([] { readFile("/dev/zero"); }).ends_with("it is neither a regular file nor a pipe"));
}

TEST_CASE("a line file grows by lines and continues where it was") {
  TemporaryFolder folder;
  {
    LineFile file(folder / "log");
    CHECK(file.isEmpty());
    file.append("one");
    CHECK(readFile(folder / "log") == "one\n");
  }
  LineFile file(folder / "log");
  CHECK(!file.isEmpty());
  file.append("two");
  CHECK(readFile(folder / "log") == "one\ntwo\n");
}

TEST_CASE("a line that does not fit is taken back") {
  TemporaryFolder folder;
  LineFile file(folder / "log");
  file.append("one");
  std::string message;
  {
    FileSizeLimit limit(10);
    message = errorOf([&] { file.append("a line longer than the room"); });
  }
  CHECK(message.find("writing failed: File too large") != std::string::npos);
  CHECK(readFile(folder / "log") == "one\n");
}
