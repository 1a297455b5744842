/* A trained cell on a device: no heap, no operating system, all memory known when it is compiled.
 * For each number of a signal the cell says what comes next; the program compares that with what
 * does come. README.md says how predictor.c and predictor.h are made. */
#include "predictor.h"
#include "signal.h"

#include <stdio.h>

enum { kWarmUp = 100, kSteps = 2000 };

/* Root mean square errors over the kSteps steps: of the cell, as train.c left it, and of saying
 * that nothing changes. */
static const double kRecorded = 0.00127, kUnchanged = 0.0331;

static predictor cell;

static int is_near(double found, double expected) {
  return fabs(found - expected) < 0.02 * expected;
}

int main(void) {
  signal_source source;
  double squares = 0, squares_unchanged = 0, error, error_unchanged;
  float x, y[1];
  int t;

  if (!predictor_is_supported())
    return 1;
  signal_begin(&source, 1.1); /* not a start that it was trained on */
  predictor_init(&cell);
  x = signal_next(&source);
  for (t = 0; t < kWarmUp + kSteps; ++t) {
    float next;
    predictor_step(&cell, &x, y);
    next = signal_next(&source);
    if (t >= kWarmUp) {
      squares += (next - y[0]) * (next - y[0]);
      squares_unchanged += (next - x) * (next - x);
    }
    x = next;
  }
  error = sqrt(squares / kSteps);
  error_unchanged = sqrt(squares_unchanged / kSteps);
  printf("state %u bytes, all memory of the cell %u bytes\n", (unsigned)sizeof(predictor_states),
         (unsigned)sizeof(predictor));
  printf("error of the next number: %.5f; if nothing changed: %.5f\n", error, error_unchanged);
  if (!is_near(error, kRecorded) || !is_near(error_unchanged, kUnchanged)) {
    printf("expected %.5f and %.5f\n", kRecorded, kUnchanged);
    return 1;
  }
  return 0;
}
