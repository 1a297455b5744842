// Candidates in processes of their own: whatever happens in one is a result.
#include "search/worker.h"

#include "tests/search/toy_search.h"
#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace cellwright;

namespace {

class Recorder : public TrialObserver {
public:
  void addValue(const TrialValue &value) override { values.push_back(value); }
  bool shouldStop() const override { return isStopped; }

  std::vector<TrialValue> values;
  bool isStopped = false;
};

TrialSpec makeSpec(const std::string &task) {
  TrialSpec spec = {"12345678", task, {0.01, 1, 1, 1, 16}, 64, 4, 5, false};
  return spec;
}

TrialResult evaluate(const std::string &task, WorkerLimits limits = {}) {
  Recorder recorder;
  return ProcessEvaluator({SEARCH_PROGRAM, "worker"}, limits).evaluate(makeSpec(task), recorder);
}

} // namespace

TEST_CASE("a trial in a process has the result and the values that it has here") {
  Recorder here, there;
  TrialResult expected = ToyEvaluator().evaluate(makeSpec("sum"), here);
  TrialResult result =
      ProcessEvaluator({SEARCH_PROGRAM, "worker"}, {}).evaluate(makeSpec("sum"), there);
  CHECK(result == expected);
  CHECK(there.values == here.values);
}

TEST_CASE("what is printed, and a closed stderr, disturb no answer") {
  CHECK(evaluate("print").hasQuality());
  CHECK(evaluate("close").hasQuality());
}

TEST_CASE("a crash is a result with what the process said") {
  TrialResult result = evaluate("crash");
  CHECK(result.status == TrialStatus::Crashed);
  CHECK(result.reason ==
        "its process ended by signal 11 (Segmentation fault); it said: about to crash\n");
  CHECK(evaluate("abort").reason.starts_with("its process ended by signal 6 (Aborted)"));
  CHECK(evaluate("exit").reason == "its process ended with status 3 and no result");
  CHECK(evaluate("end").reason == "its process ended with status 0 and no result");
  CHECK(evaluate("garbage").reason == "its process answered `no JSON`");
  CHECK(evaluate("throw").reason == "something odd");
}

TEST_CASE("wanting more memory than there may be is a result, wherever it is wanted") {
  constexpr int64_t kBytes = 200'000'000;
  for (const char *task : {"memory", "memory in a thread"}) {
    CAPTURE(task);
    TrialResult result = evaluate(task, {0, kBytes});
    CHECK(result.status == TrialStatus::NoMemory);
    CHECK(result.reason.starts_with("it wanted more memory than it may have"));
  }
  CHECK(evaluate("sum", {0, kBytes}).hasQuality());
}

TEST_CASE("a trial that hangs ends with its time") {
  TrialResult result = evaluate("hang", {0.01, 0});
  CHECK(result.status == TrialStatus::NoTime);
  CHECK(result.reason == "it took longer than 0.01 seconds");
  CHECK(result.seconds >= 0.01);
}

TEST_CASE("a quality that is no number is no quality") {
  Recorder recorder;
  TrialResult result =
      ProcessEvaluator({SEARCH_PROGRAM, "worker"}, {}).evaluate(makeSpec("nan"), recorder);
  CHECK(result.status == TrialStatus::Diverged);
  CHECK(result.reason == "its quality is nan");
  REQUIRE(recorder.values.size() == 1);
  CHECK(std::isnan(recorder.values[0].value));
}

TEST_CASE("a trial whose process somebody killed may begin again") {
  CHECK_THROWS_AS(evaluate("killed"), TrialLost);
}

TEST_CASE("a trial that nobody wants any more ends") {
  Recorder recorder;
  recorder.isStopped = true;
  CHECK_THROWS_AS(
      ProcessEvaluator({SEARCH_PROGRAM, "worker"}, {}).evaluate(makeSpec("hang"), recorder),
      TrialLost);
}

TEST_CASE("what keeps all trials from being evaluated is an error") {
  CHECK(errorOf([] { evaluate("error"); }) == "there is no text");
  Recorder recorder;
  CHECK(errorOf([&] { ProcessEvaluator({"/nowhere"}, {}).evaluate(makeSpec("sum"), recorder); }) ==
        "cannot start `/nowhere`: No such file or directory");
}
