// See stop_requests.h. Signals are waited for by a thread, not handled: a handler could touch
// nothing that is not global.
#include "search/stop_requests.h"

#include <chrono>
#include <ctime>

namespace cellwright {

void StopRequests::request() {
  std::lock_guard lock(mutex);
  ++requests;
  changed.notify_all();
}

int StopRequests::count() const {
  std::lock_guard lock(mutex);
  return requests;
}

void StopRequests::wait(double seconds) {
  std::unique_lock lock(mutex);
  int before = requests;
  changed.wait_for(lock, std::chrono::duration<double>(seconds),
                   [&] { return requests != before; });
}

static sigset_t stopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

SignalRequests::SignalRequests(StopRequests &stop) {
  sigset_t signals = stopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  waiting = std::jthread([&stop, signals](const std::stop_token &token) {
    constexpr timespec kPause = {0, 100'000'000}; // between looks whether to go on
    while (!token.stop_requested())
      if (::sigtimedwait(&signals, nullptr, &kPause) > 0)
        stop.request();
  });
}

SignalRequests::~SignalRequests() {
  waiting = {}; // before its signals come here again
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace cellwright
