// Threads that work together on one thing at a time: a parallel region and a barrier inside it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace cellwright {

class ThreadPool {
public:
  /// `count` threads, the caller's among them; at least 1.
  explicit ThreadPool(int count);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int size() const { return count; }

  /// Calls work(i) for i < size(), each on its own thread, and returns when all are done. `work`
  /// must not throw: the others would wait at a barrier for ever. One caller at a time, and none
  /// from within `work`. Cost: no allocation.
  template <typename Work> void run(const Work &work) {
    runJob({&work, [](const void *job, int i) { (*static_cast<const Work *>(job))(i); }});
  }

  /// Waits, inside `run`, until every thread is here.
  void barrier();

private:
  /// What all threads do, by reference.
  struct Job {
    const void *work = nullptr;
    void (*call)(const void *work, int index) = nullptr;
  };

  void runJob(Job job);
  void serve(int index);
  /// Notes where this thread runs; a worker that shares its processor with another thread of the
  /// pool goes to one that none of them has, if there is one.
  void separate();

  int count;
  std::vector<std::atomic<int>> processors; // by thread: where it was last seen
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable wake, done;
  Job job;
  std::atomic<uint64_t> generation{0};
  std::atomic<int> running{0};
  bool isStopping = false;

  std::atomic<int> arrived{0};
  std::atomic<uint32_t> phase{0};
};

/// Part `index` of `parts` of the numbers 0 to total - 1: [begin, end), sizes differ by at most
/// one.
inline std::pair<int64_t, int64_t> partition(int64_t total, int parts, int index) {
  return {total * index / parts, total * (index + 1) / parts};
}

} // namespace cellwright
