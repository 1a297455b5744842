/* A signal that is hard to predict: the chaotic series of Mackey & Glass 1977, "Oscillation and
 * chaos in physiological control systems", Science 197: dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10)
 * - 0.1 x, one number per unit of time. */
#ifndef SIGNAL_H
#define SIGNAL_H

#include <math.h>

enum { kDelay = 17, kFineSteps = 10, kHistory = kDelay * kFineSteps };

typedef struct {
  double past[kHistory]; /* a ring: the oldest is at `oldest` */
  int oldest;
  double now;
} signal_source;

/* The next number, less the mean. */
static float signal_next(signal_source *source) {
  int i;
  for (i = 0; i < kFineSteps; ++i) {
    const double delayed = source->past[source->oldest];
    source->past[source->oldest] = source->now;
    source->oldest = (source->oldest + 1) % kHistory;
    source->now += (0.2 * delayed / (1 + pow(delayed, 10)) - 0.1 * source->now) / kFineSteps;
  }
  return (float)(source->now - 0.9);
}

/* Begins; `start` is the past. The first numbers are left out: they depend on it. */
static void signal_begin(signal_source *source, double start) {
  int i;
  for (i = 0; i < kHistory; ++i)
    source->past[i] = start;
  source->oldest = 0;
  source->now = start;
  for (i = 0; i < 300; ++i)
    (void)signal_next(source);
}

#endif
