// See child_process.h.
#include "search/child_process.h"

#include "runtime/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cellwright {

/// Moves a descriptor away from 0 to 2, which a parent without them may have got.
static int moveUp(int descriptor) {
  int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  ::close(descriptor);
  return moved;
}

/// What the child does between fork and exec: only calls that are safe while other threads of the
/// parent hold locks. Gives the error that kept it from becoming the program.
static int becomeProgram(char *const *arguments, pid_t parent, int64_t bytes, int channel,
                         int errors) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return errno;
  if (::getppid() != parent) // it died before that
    ::_exit(1);
  // Out of the terminal's group: Ctrl-C is the parent's to handle.
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (bytes > 0) {
    rlimit limit = {static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0)
      return errno;
  }
  if (::dup2(channel, 0) < 0 || ::dup2(channel, 1) < 0 || ::dup2(errors, 2) < 0)
    return errno;
  ::execv(arguments[0], arguments);
  return errno;
}

ChildProcess::ChildProcess(const std::vector<std::string> &command, int64_t bytes) {
  std::vector<char *> arguments;
  for (const std::string &word : command)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> sockets{}, errorPipe{}, startPipe{};
  bool isReady = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) == 0 &&
                 ::pipe2(errorPipe.data(), O_CLOEXEC) == 0 &&
                 ::pipe2(startPipe.data(), O_CLOEXEC) == 0;
  CELLWRIGHT_CHECK(isReady, "cannot start `{}`: {}", command[0], std::strerror(errno));
  for (int *end : {&sockets[1], &errorPipe[1], &startPipe[1]})
    *end = moveUp(*end);
  channel = sockets[0];
  errors = errorPipe[0];
  pid_t parent = ::getpid();
  process = ::fork();
  if (process == 0) {
    int reason = becomeProgram(arguments.data(), parent, bytes, sockets[1], errorPipe[1]);
    (void)!::write(startPipe[1], &reason, sizeof reason);
    ::_exit(127);
  }
  int reason = errno;
  for (int end : {sockets[1], errorPipe[1], startPipe[1]})
    ::close(end);
  // Ends without a byte when the program has started.
  bool hasFailed = process < 0 || ::read(startPipe[0], &reason, sizeof reason) == sizeof reason;
  ::close(startPipe[0]);
  (void)::fcntl(errors, F_SETFL, O_NONBLOCK);
  if (!hasFailed)
    return;
  if (process > 0)
    (void)::waitpid(process, nullptr, 0);
  ::close(channel);
  ::close(errors);
  throw Error(fmt::format("cannot start `{}`: {}", command[0], std::strerror(reason)));
}

ChildProcess::~ChildProcess() {
  if (process > 0) {
    // Its group first: it may have been about to leave it while it started.
    ::kill(-process, SIGKILL);
    ::kill(process, SIGKILL);
    (void)::waitpid(process, nullptr, 0);
  }
  ::close(channel);
  if (errors >= 0)
    ::close(errors);
}

void ChildProcess::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::send(channel, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return; // it has ended; its status says how
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void ChildProcess::readErrors() {
  std::array<char, 4096> buffer;
  constexpr size_t kMost = 2000; // bytes that are kept
  ssize_t count = -1;
  while (errors >= 0 && (count = ::read(errors, buffer.data(), buffer.size())) > 0) {
    said.append(buffer.data(), static_cast<size_t>(count));
    if (said.size() > kMost)
      said.erase(0, said.size() - kMost);
  }
  if (errors >= 0 && count == 0) { // closed; it would be ready for ever
    ::close(errors);
    errors = -1;
  }
}

bool ChildProcess::read(std::string &text, int milliseconds) {
  pollfd awaited[] = {{channel, POLLIN, 0}, {errors, POLLIN, 0}};
  if (::poll(awaited, 2, milliseconds) <= 0)
    return true;
  if (awaited[1].revents)
    readErrors();
  if (!awaited[0].revents)
    return true;
  std::array<char, 65536> buffer;
  ssize_t count = ::read(channel, buffer.data(), buffer.size());
  if (count > 0)
    text.append(buffer.data(), static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

int ChildProcess::wait() {
  constexpr int kPause = 2, kPatience = 5000; // ms
  int status = 0;
  for (int waited = 0; ::waitpid(process, &status, WNOHANG) == 0; waited += kPause) {
    if (waited == kPatience)
      ::kill(process, SIGKILL);
    readErrors();
    (void)::poll(nullptr, 0, kPause);
  }
  readErrors();
  process = -1;
  return status;
}

} // namespace cellwright
