// Which version of an ahead-of-time object a processor gets.
#include "codegen/aot/driver.h"
#include "codegen/aot/processors.h"

#include <doctest/doctest.h>

#include <vector>

namespace cellwright {

namespace {

/// What every processor has, and what none has.
constexpr cellwright_cpu kAny = {};
constexpr cellwright_cpu kNone = {{0, 0, 0, 0, 0, 0, 0, 0x80000000}};

int32_t chooseOf(std::initializer_list<cellwright_cpu> needs, int *isSupported) {
  std::vector<cellwright_version> versions;
  for (const cellwright_cpu &cpu : needs)
    versions.push_back({cpu, nullptr, nullptr});
  int32_t choice = 0;
  cellwright_object object = {versions.data(), static_cast<int32_t>(versions.size()), 0, &choice};
  *isSupported = cellwright_is_supported(&object);
  int32_t number = cellwright_choose(&object);
  CHECK(cellwright_choose(&object) == number); // as it is kept
  return number;
}

} // namespace

TEST_CASE("a processor gets the first version that it can run, else the last") {
  int isSupported = 0;
  CHECK(chooseOf({kAny}, &isSupported) == 0);
  CHECK(isSupported == 1);
  CHECK(chooseOf({kAny, kAny}, &isSupported) == 0);
  CHECK(chooseOf({kNone, kAny}, &isSupported) == 1);
  CHECK(isSupported == 1);
  CHECK(chooseOf({kNone, kNone, kAny}, &isSupported) == 2);
  CHECK(isSupported == 1);
  CHECK(chooseOf({kNone, kNone}, &isSupported) == 1);
  CHECK(isSupported == 0);
  CHECK(chooseOf({kNone}, &isSupported) == 0);
  CHECK(isSupported == 0);
}

TEST_CASE("a level of x86-64 needs all of the levels below, and native what is here") {
  auto contains = [](const cellwright_cpu &all, const cellwright_cpu &part) {
    for (int i = 0; i < CELLWRIGHT_CPU_WORDS; ++i)
      if ((all.words[i] & part.words[i]) != part.words[i])
        return false;
    return true;
  };
  cellwright_cpu v3 = neededCpu(*findTarget("x86-64-v3"), false);
  cellwright_cpu v4 = neededCpu(*findTarget("x86-64-v4"), false);
  CHECK(contains(v4, v3));
  CHECK(!contains(v3, v4));
  CHECK(contains(kAny, neededCpu(*findTarget("x86-64"), false)));
  CHECK(contains(kAny, neededCpu(*findTarget("aarch64"), false)));
  cellwright_cpu here;
  cellwright_read_cpu(&here);
  CHECK(contains(here, neededCpu(*findTarget("native"), true)));
}

} // namespace cellwright
