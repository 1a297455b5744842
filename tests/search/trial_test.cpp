// Trials as text.
#include "search/trial.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

namespace cellwright {

TEST_CASE("trials and results are read as they were written") {
  TrialSpec spec{"cell c {\n}\n",
                 "adding:steps=20",
                 {0.003, 0.7, 2.5, 2, 96, "sgd"},
                 700,
                 7,
                 12345678901234567890u,
                 true};
  CHECK(parseTrialSpec(formatTrialSpec(spec)) == spec);
  TrialResult result;
  result.status = TrialStatus::Diverged;
  result.reason = "the loss is nan";
  result.quality = 0.1 + 0.2;
  result.testQuality = -1e-300;
  result.updates = 70;
  result.parameters = 12345;
  result.flopsPerStep = 1e6;
  result.stepSeconds = 1e-7;
  result.compileSeconds = 0.1;
  result.seconds = 9.5;
  result.curve = {{10, 0.5}, {20, 0.25}};
  CHECK(parseTrialResult(formatTrialResult(result)) == result);
}

TEST_CASE("every status has a name of its own") {
  for (auto status :
       {TrialStatus::Done, TrialStatus::Stopped, TrialStatus::Diverged, TrialStatus::BadCell,
        TrialStatus::Crashed, TrialStatus::NoMemory, TrialStatus::NoTime, TrialStatus::Lost,
        TrialStatus::Vanishing, TrialStatus::Exploding}) {
    TrialResult result;
    result.status = status;
    CHECK(parseTrialResult(formatTrialResult(result)).status == status);
  }
  CHECK(nameOf(TrialStatus::BadCell) == "bad-cell");
}

TEST_CASE("what is no trial or result is refused with the reason") {
  CHECK_THROWS_WITH_AS(parseTrialSpec("{}"), doctest::Contains("this is no trial of a search: "),
                       Error);
  CHECK_THROWS_WITH_AS(parseTrialResult("["), doctest::Contains("this is no result of a search: "),
                       Error);
  std::string text = formatTrialResult({});
  text.replace(text.find("\"done\""), 6, "\"gone\"");
  CHECK(errorOf([&] { parseTrialResult(text); }) == "unknown status `gone`");
}

} // namespace cellwright
