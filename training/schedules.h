// How the learning rate changes over a training run. It is a function of the position alone, so a
// resumed run needs no more than its step.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cellwright {

struct ScheduleSettings {
  double factor = 1;  // of a decay
  int64_t every = 1;  // epochs of a stair
  int64_t after = 0;  // epochs at the full rate first
  double least = 0;   // fraction of the full rate that cosine and linear end with
  int64_t warmup = 0; // steps in which the rate rises from 0 in equal parts, whatever the schedule
};

/// Where training stands when an update is made.
struct SchedulePosition {
  int64_t step = 0; // updates made before this one
  int64_t stepsPerEpoch = 1;
  int64_t steps = 1; // of the whole run
};

struct ScheduleInfo {
  std::string_view name;
  std::string_view formula; // one line, for help
  double (*factor)(const ScheduleSettings &settings, const SchedulePosition &position);
};

/// All schedules: constant, decay (char-rnn's), stair, cosine, linear.
std::span<const ScheduleInfo> schedules();
/// Throws Error that lists the names if there is none of that name.
const ScheduleInfo &findSchedule(std::string_view name);

/// The learning rate of an update: `base` times the schedule's factor, times the warm-up's.
double learningRateAt(const ScheduleInfo &schedule, const ScheduleSettings &settings, double base,
                      const SchedulePosition &position);

} // namespace cellwright
