// Parallel regions and barriers.
#include "runtime/thread_pool.h"

#include "tests/support/allocations.h"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace cellwright;

TEST_CASE("every thread works once in each region") {
  for (int count : {1, 2, 3, 8}) {
    ThreadPool pool(count);
    CHECK(pool.size() == count);
    std::vector<int> calls(count);
    for (int region = 0; region < 200; ++region)
      pool.run([&](int thread) { ++calls[thread]; });
    CHECK(calls == std::vector<int>(count, 200));
  }
  CHECK(ThreadPool(0).size() == 1);
}

TEST_CASE("behind a barrier everything before it is seen") {
  for (int count : {2, 5}) {
    ThreadPool pool(count);
    constexpr int kRounds = 300;
    std::vector<int> numbers(count);
    std::atomic<int> mistakes = 0;
    pool.run([&](int thread) {
      for (int round = 1; round <= kRounds; ++round) {
        numbers[thread] = round;
        pool.barrier();
        for (int number : numbers)
          mistakes += number != round;
        pool.barrier();
      }
    });
    CHECK(mistakes == 0);
  }
}

TEST_CASE("a region allocates nothing, however much its work refers to") {
  if (!test::canCountAllocations())
    return;
  ThreadPool pool(3);
  std::vector<int> a(3), b(3), c(3), d(3), e(3);
  pool.run([&](int i) { a[i] = i; });
  int64_t before = test::allocationCount();
  pool.run([&](int i) { e[i] = a[i] + b[i] + c[i] + d[i]; });
  CHECK(test::allocationCount() == before);
  CHECK(e == std::vector<int>{0, 1, 2});
}

TEST_CASE("parts of a range are neighbours and differ by at most one") {
  for (int64_t total : {0, 1, 5, 16, 17})
    for (int parts : {1, 2, 3, 8}) {
      int64_t end = 0;
      for (int i = 0; i < parts; ++i) {
        auto [begin, next] = partition(total, parts, i);
        CHECK(begin == end);
        CHECK(next - begin >= total / parts);
        CHECK(next - begin <= (total + parts - 1) / parts);
        end = next;
      }
      CHECK(end == total);
    }
}
