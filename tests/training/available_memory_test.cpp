#include "training/available_memory.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

using namespace cellwright;

TEST_CASE("bytes are written with three digits and a unit") {
  CHECK(formatBytes(0) == "0 bytes");
  CHECK(formatBytes(999) == "999 bytes");
  CHECK(formatBytes(1000) == "1 kB");
  CHECK(formatBytes(1536e6) == "1.54 GB");
  CHECK(formatBytes(999.9e9) == "1 TB");
  CHECK(formatBytes(4e30) == "4e+12 EB");
}

TEST_CASE("available memory is no more than the machine has") {
  int64_t available = availableMemory();
  CHECK(available > 0);
  CHECK(available <= static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE));
}

TEST_CASE("what does not fit is refused with both numbers") {
  CHECK(errorOf([] { checkMemory(1, "a byte takes", "take none"); }).empty());
  std::string message = errorOf([] { checkMemory(5e18, "these sizes need", "use smaller ones"); });
  CHECK(message.starts_with("these sizes need about 5 EB of memory, "));
  CHECK(message.ends_with(" are free; use smaller ones"));
}

#ifndef __SANITIZE_ADDRESS__ // whose shadow takes terabytes of addresses
TEST_CASE("the limit of the process counts") {
  rlimit before = {};
  ::getrlimit(RLIMIT_AS, &before);
  rlimit limit = {size_t{1} << 32, before.rlim_max};
  ::setrlimit(RLIMIT_AS, &limit);
  int64_t available = availableMemory();
  ::setrlimit(RLIMIT_AS, &before);
  CHECK(available < int64_t{1} << 32);
}
#endif
