// See schedules.h.
#include "training/schedules.h"

#include "training/named_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace cellwright {

static double keepConstant(const ScheduleSettings &, const SchedulePosition &) { return 1; }

/// Whole epochs before an update.
static int64_t epochsDone(const SchedulePosition &position) {
  return position.step / std::max<int64_t>(position.stepsPerEpoch, 1);
}

/// As char-rnn's train.lua: when epoch `after` ends, and at the end of each one after it, the rate
/// is multiplied; so epoch `after` + 1 is the first one below the full rate.
static double decayPerEpoch(const ScheduleSettings &settings, const SchedulePosition &position) {
  int64_t done = epochsDone(position);
  int64_t decays =
      done < settings.after || done == 0 ? 0 : done - std::max<int64_t>(settings.after, 1) + 1;
  return std::pow(settings.factor, static_cast<double>(decays));
}

static double decayInStairs(const ScheduleSettings &settings, const SchedulePosition &position) {
  int64_t stairs = std::max<int64_t>(epochsDone(position) - settings.after, 0) /
                   std::max<int64_t>(settings.every, 1);
  return std::pow(settings.factor, static_cast<double>(stairs));
}

/// Part of the way from the end of the warm-up to the end of training, in [0, 1].
static double progress(const ScheduleSettings &settings, const SchedulePosition &position) {
  double whole = static_cast<double>(std::max<int64_t>(position.steps - settings.warmup, 1));
  return std::clamp(static_cast<double>(position.step - settings.warmup) / whole, 0.0, 1.0);
}

/// Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5,
/// without restarts.
static double decayAsCosine(const ScheduleSettings &settings, const SchedulePosition &position) {
  return settings.least + (1 - settings.least) * 0.5 *
                              (1 + std::cos(std::numbers::pi * progress(settings, position)));
}

static double decayLinearly(const ScheduleSettings &settings, const SchedulePosition &position) {
  return 1 - (1 - settings.least) * progress(settings, position);
}

static constexpr std::array<ScheduleInfo, 5> kSchedules = {{
    {"constant", "the full rate", keepConstant},
    {"decay", "char-rnn's: times `factor` at the end of epoch `after` and of each epoch after it",
     decayPerEpoch},
    {"stair", "times `factor` every `every` epochs, after `after` epochs at the full rate",
     decayInStairs},
    {"cosine", "half a cosine from the full rate to the fraction `least` of it at the end",
     decayAsCosine},
    {"linear", "a straight line from the full rate to the fraction `least` of it at the end",
     decayLinearly},
}};

std::span<const ScheduleInfo> schedules() { return kSchedules; }

const ScheduleInfo &findSchedule(std::string_view name) {
  return findNamed(kSchedules, name, "learning-rate schedule");
}

double learningRateAt(const ScheduleInfo &schedule, const ScheduleSettings &settings, double base,
                      const SchedulePosition &position) {
  double rate = base * schedule.factor(settings, position);
  // The first update already moves.
  if (position.step < settings.warmup)
    rate *= static_cast<double>(position.step + 1) / static_cast<double>(settings.warmup);
  return rate;
}

} // namespace cellwright
