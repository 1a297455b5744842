// See thread_pool.h. Threads that wait spin for a while, because a phase of a step takes
// microseconds and a call often follows another; then they give their processor away, at a barrier,
// or sleep, between regions. A system often wakes a worker on the processor of the thread that
// wakes it, and leaves both there for milliseconds.
#include "runtime/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace cellwright {

static void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

constexpr int kSpins = 4000; // some tens of microseconds

/// True if the condition came true while spinning.
template <typename Condition> static bool spinUntil(const Condition &condition) {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (condition())
      return true;
    relax();
  }
  return false;
}

/// The number of a worker in its pool, 0 in threads that are none.
static thread_local int threadIndex = 0;

#if defined(__linux__)
// Only workers are moved: the caller's thread is not ours. Its affinity is restored at once, so the
// system may move the worker again, and does not while both processors are busy.
void ThreadPool::separate() {
  int here = sched_getcpu();
  processors[threadIndex].store(here, std::memory_order_relaxed);
  auto isTaken = [&](int processor) {
    for (int i = 0; i < count; ++i)
      if (i != threadIndex && processors[i].load(std::memory_order_relaxed) == processor)
        return true;
    return false;
  };
  cpu_set_t allowed;
  if (threadIndex == 0 || here < 0 || !isTaken(here) ||
      sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed) || isTaken(processor))
      continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    if (sched_setaffinity(0, sizeof(only), &only) == 0)
      processors[threadIndex].store(processor, std::memory_order_relaxed);
    (void)sched_setaffinity(0, sizeof(allowed), &allowed);
    return;
  }
}
#else
void ThreadPool::separate() {}
#endif

ThreadPool::ThreadPool(int count) : count(count < 1 ? 1 : count), processors(this->count) {
  for (std::atomic<int> &processor : processors)
    processor.store(-1, std::memory_order_relaxed);
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
  threadIndex = index;
  while (true) {
    Job current;
    (void)spinUntil([&] { return generation.load(std::memory_order_acquire) != seen; });
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return isStopping || generation != seen; });
      if (isStopping)
        return;
      seen = generation;
      current = job;
    }
    separate();
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
  // The caller may be a worker of another pool.
  int outerIndex = std::exchange(threadIndex, 0);
  separate();
  {
    std::lock_guard lock(mutex);
    job = next;
    running = count - 1;
    ++generation;
  }
  wake.notify_all();
  next.call(next.work, 0);
  (void)spinUntil([&] { return running.load(std::memory_order_acquire) == 0; });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return running == 0; });
  threadIndex = outerIndex;
}

void ThreadPool::barrier() {
  if (count == 1)
    return;
  uint32_t current = phase.load(std::memory_order_acquire);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived.store(0, std::memory_order_relaxed);
    phase.store(current + 1, std::memory_order_release);
    return;
  }
  auto isOver = [&] { return phase.load(std::memory_order_acquire) != current; };
  if (spinUntil(isOver))
    return;
  while (!isOver()) {
    separate();
    std::this_thread::yield();
  }
}

} // namespace cellwright
