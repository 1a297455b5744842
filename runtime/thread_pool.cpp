// See thread_pool.h. Between regions threads sleep; at a barrier they spin for a while, because a
// phase of a step takes microseconds, and then give their processor away.
#include "runtime/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cellwright {

static void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

ThreadPool::ThreadPool(int count) : count(count < 1 ? 1 : count) {
  for (int i = 1; i < this->count; ++i)
    threads.emplace_back([this, i] { serve(i); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex);
    isStopping = true;
  }
  wake.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

void ThreadPool::serve(int index) {
  uint64_t seen = 0;
  while (true) {
    Job current;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return isStopping || generation != seen; });
      if (isStopping)
        return;
      seen = generation;
      current = job;
    }
    current.call(current.work, index);
    {
      std::lock_guard lock(mutex);
      if (--running == 0)
        done.notify_one();
    }
  }
}

void ThreadPool::runJob(Job next) {
  if (count == 1) {
    next.call(next.work, 0);
    return;
  }
  {
    std::lock_guard lock(mutex);
    job = next;
    running = count - 1;
    ++generation;
  }
  wake.notify_all();
  next.call(next.work, 0);
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return running == 0; });
}

void ThreadPool::barrier() {
  if (count == 1)
    return;
  constexpr int kSpins = 4000; // some tens of microseconds
  uint32_t current = phase.load(std::memory_order_acquire);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived.store(0, std::memory_order_relaxed);
    phase.store(current + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; phase.load(std::memory_order_acquire) == current; ++spins) {
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
}

} // namespace cellwright
