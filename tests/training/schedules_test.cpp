#include "training/schedules.h"

#include "tests/support/error_text.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace cellwright;

static double factorAt(const char *name, const ScheduleSettings &settings, int64_t step,
                       int64_t stepsPerEpoch = 10, int64_t steps = 100) {
  return learningRateAt(findSchedule(name), settings, 1.0, {step, stepsPerEpoch, steps});
}

TEST_CASE("char-rnn's decay begins after the tenth epoch") {
  ScheduleSettings settings{.factor = 0.97, .after = 10};
  CHECK(factorAt("decay", settings, 0) == 1);
  CHECK(factorAt("decay", settings, 99) == 1);
  CHECK(factorAt("decay", settings, 100) == doctest::Approx(0.97));
  CHECK(factorAt("decay", settings, 109) == doctest::Approx(0.97));
  CHECK(factorAt("decay", settings, 499) ==
        doctest::Approx(0.97 * factorAt("decay", settings, 489)));
  // 50 epochs: the last one has had the ends of epochs 10 to 49.
  CHECK(factorAt("decay", settings, 499) == doctest::Approx(std::pow(0.97, 40)));
}

TEST_CASE("a decay after no epochs begins with the second epoch") {
  ScheduleSettings settings{.factor = 0.5};
  CHECK(factorAt("decay", settings, 9) == 1);
  CHECK(factorAt("decay", settings, 10) == 0.5);
  CHECK(factorAt("decay", settings, 20) == 0.25);
}

TEST_CASE("a stair goes down every so many epochs") {
  ScheduleSettings settings{.factor = 0.1, .every = 3, .after = 1};
  CHECK(factorAt("stair", settings, 39) == 1);
  CHECK(factorAt("stair", settings, 40) == doctest::Approx(0.1));
  CHECK(factorAt("stair", settings, 70) == doctest::Approx(0.01));
}

TEST_CASE("cosine and linear go from the full rate to the least") {
  ScheduleSettings settings{.least = 0.1};
  for (const char *name : {"cosine", "linear"}) {
    CAPTURE(name);
    CHECK(factorAt(name, settings, 0) == 1);
    CHECK(factorAt(name, settings, 50) == doctest::Approx(0.55));
    CHECK(factorAt(name, settings, 100) == doctest::Approx(0.1));
    CHECK(factorAt(name, settings, 200) == doctest::Approx(0.1));
  }
}

TEST_CASE("warm-up rises in equal parts and then leaves the schedule alone") {
  ScheduleSettings settings{.warmup = 4};
  CHECK(factorAt("constant", settings, 0) == 0.25);
  CHECK(factorAt("constant", settings, 3) == 1);
  CHECK(factorAt("constant", settings, 4) == 1);
  CHECK(factorAt("linear", settings, 4) == 1);
}

TEST_CASE("an unknown schedule is refused with the names there are") {
  CHECK(errorOf([] { findSchedule("exponential"); }) ==
        "unknown learning-rate schedule `exponential`; there are constant, decay, stair, cosine, "
        "linear");
}
