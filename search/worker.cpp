// See worker.h.
#include "search/worker.h"

#include "runtime/clock.h"
#include "search/child_process.h"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace cellwright {

using nlohmann::json;

//===-- The child -----------------------------------------------------------------------------===//

/// Reads up to a line break; what is there if there is none.
static std::string readLine(int descriptor) {
  std::string line;
  char buffer[4096];
  while (true) {
    ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return line;
    line.append(buffer, static_cast<size_t>(count));
    if (size_t end = line.find('\n'); end != std::string::npos)
      return line.substr(0, end);
  }
}

/// Writes all of it; a parent that is gone needs no answer.
static void writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      ::_exit(1);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

static std::string formatAnswer(const char *key, const json &value) {
  return json{{key, value}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

namespace {

class AnsweringObserver : public TrialObserver {
public:
  explicit AnsweringObserver(int out) : out(out) {}

  void addValue(const TrialValue &value) override {
    writeAll(out, formatAnswer("value", {{"update", value.update}, {"value", value.value}}));
  }
  bool shouldStop() const override { return false; } // the parent kills

private:
  int out;
};

} // namespace

static TrialResult evaluateHere(Evaluator &evaluator, const TrialSpec &spec, int out) {
  AnsweringObserver observer(out);
  try {
    return evaluator.evaluate(spec, observer);
  } catch (const std::bad_alloc &) {
    return failTrial(TrialStatus::NoMemory, "it wanted more memory than it may have");
  } catch (const Error &) {
    throw;
  } catch (const std::exception &problem) {
    return failTrial(TrialStatus::Crashed, problem.what());
  }
}

int runWorker(Evaluator &evaluator, int in, int out) {
  // What is printed goes where it does not disturb the answers.
  int answers = ::fcntl(out, F_DUPFD_CLOEXEC, 3);
  if (out == 1)
    ::dup2(2, 1);
  try {
    TrialResult result =
        cleanResult(evaluateHere(evaluator, parseTrialSpec(readLine(in)), answers));
    writeAll(answers, formatAnswer("result", json::parse(formatTrialResult(result))));
  } catch (const Error &error) {
    writeAll(answers, formatAnswer("error", error.what()));
  }
  ::close(answers);
  return 0;
}

//===-- The parent ----------------------------------------------------------------------------===//

namespace {

using Clock = std::chrono::steady_clock;

/// A trial whose child ended or was ended without a result.
TrialResult fail(TrialStatus status, const std::string &what, const ChildProcess &child) {
  std::string said = child.lastWords();
  return failTrial(status, said.empty() ? what : what + "; it said: " + said);
}

/// True if a process that ended did so for want of memory: where memory is wanted in a thread, by
/// LLVM or to load the program, nobody can catch that.
bool saysOutOfMemory(const std::string &said) {
  for (const char *words : {"bad_alloc", "out of memory", "failed to map segment",
                            "cannot allocate memory", "Cannot allocate memory"})
    if (said.find(words) != std::string::npos)
      return true;
  return false;
}

/// What the status of a child means that gave no result. Throws TrialLost if somebody else ended
/// it.
TrialResult explainEnd(ChildProcess &child) {
  int status = child.wait();
  bool isStartFailure = WIFEXITED(status) && WEXITSTATUS(status) == 127;
  if (isStartFailure && saysOutOfMemory(child.lastWords()))
    return fail(TrialStatus::NoMemory, "it may have less memory than the program itself needs",
                child);
  if (WIFEXITED(status))
    return fail(TrialStatus::Crashed,
                fmt::format("its process ended with status {} and no result", WEXITSTATUS(status)),
                child);
  int signal = WTERMSIG(status);
  if (signal == SIGABRT && saysOutOfMemory(child.lastWords()))
    return fail(TrialStatus::NoMemory, "it wanted more memory than it may have", child);
  if (signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP)
    throw TrialLost(
        fmt::format("its process was killed by signal {}: by somebody, or by the system "
                    "for want of memory",
                    signal));
  return fail(TrialStatus::Crashed,
              fmt::format("its process ended by signal {} ({})", signal, ::strsignal(signal)),
              child);
}

TrialValue parseValue(const json &object) {
  const json &value = object.at("value");
  return {object.at("update").get<int64_t>(), value.is_null() ? std::nan("") : value.get<double>()};
}

/// What a line of the child says: one of these.
struct Answer {
  std::optional<TrialValue> value;
  std::optional<TrialResult> result;
  std::optional<std::string> error; // nothing can be evaluated at all
};

/// Nothing in the answer if the line is none.
Answer parseAnswer(const std::string &line) {
  Answer answer;
  try {
    json object = json::parse(line);
    if (object.contains("error"))
      answer.error = object.at("error").get<std::string>();
    else if (object.contains("result"))
      answer.result = parseTrialResult(object.at("result").dump());
    else
      answer.value = parseValue(object.at("value"));
  } catch (const json::exception &) {
    return {};
  } catch (const Error &) {
    return {};
  }
  return answer;
}

/// Takes the whole lines out of what has come, and gives the result if it is among them.
std::optional<TrialResult> takeAnswers(std::string &text, const ChildProcess &child,
                                       TrialObserver &observer) {
  for (size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
    std::string line = text.substr(0, end);
    Answer answer = parseAnswer(line);
    if (answer.error)
      throw Error(*answer.error);
    if (answer.result)
      return answer.result;
    if (!answer.value)
      return fail(TrialStatus::Crashed,
                  fmt::format("its process answered `{}`", line.substr(0, 200)), child);
    observer.addValue(*answer.value);
  }
  return std::nullopt;
}

} // namespace

TrialResult ProcessEvaluator::evaluate(const TrialSpec &spec, TrialObserver &observer) {
  Clock::time_point start = Clock::now();
  ChildProcess child(command, limits.bytes);
  child.write(formatTrialSpec(spec) + "\n");
  constexpr int kPause = 100; // ms between looks at the clock
  std::string text;
  std::optional<TrialResult> result;
  for (bool isOpen = true; isOpen && !result;) {
    isOpen = child.read(text, kPause);
    result = takeAnswers(text, child, observer);
    if (result)
      break;
    if (observer.shouldStop())
      throw TrialLost("the trial was stopped");
    if (limits.seconds > 0 && secondsSince(start) > limits.seconds)
      result = fail(TrialStatus::NoTime,
                    fmt::format("it took longer than {:g} seconds", limits.seconds), child);
  }
  if (!result)
    result = explainEnd(child);
  if (!result->hasQuality())
    result->seconds = secondsSince(start);
  return *result;
}

} // namespace cellwright
