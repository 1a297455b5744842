// How somebody tells a search to end, and Ctrl-C as one who does.
#pragma once

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace cellwright {

/// May be used by several threads.
class StopRequests {
public:
  /// The first asks to end when the running trials have ended, the second at once.
  void request();
  bool isRequested() const { return count() > 0; }
  bool isUrgent() const { return count() > 1; }
  /// Waits for that long, or until there is one more request.
  void wait(double seconds);

private:
  int count() const;

  mutable std::mutex mutex;
  std::condition_variable changed;
  int requests = 0;
};

/// Makes requests of SIGINT and SIGTERM while it lives. Made before the threads of the search are,
/// which inherit that they do not take these signals.
class SignalRequests {
public:
  explicit SignalRequests(StopRequests &stop);
  ~SignalRequests();
  SignalRequests(const SignalRequests &) = delete;
  SignalRequests &operator=(const SignalRequests &) = delete;

private:
  sigset_t before;
  std::jthread waiting;
};

} // namespace cellwright
