/* Trains the predictor in plain C, with the forward and backward pass that `cellwright compile`
 * writes, and Adam (Kingma & Ba 2015), and writes its weights; README.md says how. With few updates
 * it only shows that the loss falls: exit status 1 if it does not. */
#include "predictor.h"
#include "signal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSteps = 64, kSequences = 8, kIgnored = 16 /* steps before a state means something */ };
enum { kParams = sizeof(predictor_params) / sizeof(float) };

static predictor_params params, gradients;
static float first[kParams], second[kParams]; /* moments */
static signal_source sources[kSequences];
static float latest[kSequences];
static float x[kSteps][kSequences], wanted[kSteps][kSequences];
static float y[kSteps][kSequences], dy[kSteps][kSequences];
static predictor_states states[kSequences];

/* A number between -1 and 1: the generator of Knuth, MMIX. */
static float draw(void) {
  static uint64_t state = 1;
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (float)(state >> 40) / (1 << 23) - 1;
}

/* The next steps of all sequences; they go on where the ones before ended. */
static void take_signal(void) {
  int t, n;
  for (n = 0; n < kSequences; ++n)
    for (t = 0; t < kSteps; ++t) {
      x[t][n] = latest[n];
      latest[n] = wanted[t][n] = signal_next(&sources[n]);
    }
}

/* The mean square error, and its gradients. */
static double compute_loss(void *memory) {
  predictor_call call = {0};
  predictor_adjoints adjoints = {0};
  double loss = 0;
  int t, n;
  call.steps = kSteps;
  call.sequences = kSequences;
  call.x = &x[0][0];
  call.initial = states;
  call.out = &y[0][0];
  call.final = states;
  adjoints.dout = &dy[0][0];
  adjoints.dparams = &gradients;
  predictor_forward(&params, &call, memory);
  for (t = 0; t < kSteps; ++t)
    for (n = 0; n < kSequences; ++n) {
      const float error = t < kIgnored ? 0 : y[t][n] - wanted[t][n];
      loss += error * error / ((kSteps - kIgnored) * kSequences);
      dy[t][n] = 2 * error / ((kSteps - kIgnored) * kSequences);
    }
  predictor_backward(&params, &call, &adjoints, memory);
  return loss;
}

/* One step of Adam over all parameters: the structs hold nothing but numbers. */
static void update(int number, float rate) {
  float *p = (float *)&params;
  const float *g = (const float *)&gradients;
  const float correction = sqrtf(1 - powf(0.999f, (float)number)) / (1 - powf(0.9f, (float)number));
  int i;
  for (i = 0; i < kParams; ++i) {
    first[i] = 0.9f * first[i] + 0.1f * g[i];
    second[i] = 0.999f * second[i] + 0.001f * g[i] * g[i];
    p[i] -= rate * correction * first[i] / (sqrtf(second[i]) + 1e-8f);
  }
}

/* A tensor's entry in the header of a file of safetensors. */
static void describe(char *header, const char *name, size_t rows, size_t columns, size_t begin) {
  char *end = header + strlen(header);
  const size_t bytes = rows * (columns ? columns : 1) * sizeof(float);
  if (columns)
    sprintf(end, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%u,%u],\"data_offsets\":[%u,%u]}",
            header[1] ? "," : "", name, (unsigned)rows, (unsigned)columns, (unsigned)begin,
            (unsigned)(begin + bytes));
  else
    sprintf(end, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%u],\"data_offsets\":[%u,%u]}",
            header[1] ? "," : "", name, (unsigned)rows, (unsigned)begin, (unsigned)(begin + bytes));
}

#define MATRIX(name)                                                                               \
  describe(header, #name, sizeof params.name / sizeof params.name[0],                              \
           sizeof params.name[0] / sizeof(float), offsetof(predictor_params, name))
#define VECTOR(name)                                                                               \
  describe(header, #name, sizeof params.name / sizeof(float), 0, offsetof(predictor_params, name))

static int write_params(const char *path) {
  char header[4096] = "{";
  unsigned char length[8] = {0};
  size_t size;
  FILE *file = fopen(path, "wb");
  int i, is_good;
  if (!file)
    return 0;
  MATRIX(W_z_x), MATRIX(W_z_h), VECTOR(b_z);
  MATRIX(W_r_x), MATRIX(W_r_h), VECTOR(b_r);
  MATRIX(W_n_x), MATRIX(W_n_2), VECTOR(b_n);
  MATRIX(W_y_h), VECTOR(b_y);
  strcat(header, "}");
  size = strlen(header);
  for (i = 0; i < 8; ++i)
    length[i] = (unsigned char)((uint64_t)size >> (8 * i));
  is_good = fwrite(length, 1, 8, file) == 8 && fwrite(header, 1, size, file) == size &&
            fwrite(&params, 1, sizeof params, file) == sizeof params;
  return fclose(file) == 0 && is_good;
}

int main(int count, char **words) {
  const int updates = count == 3 ? atoi(words[2]) : 0;
  void *memory = malloc(predictor_memory(kSteps, kSequences));
  double begin = 0, mean = 0;
  int i;
  if (updates < 1 || !memory) {
    printf("usage: %s FILE.safetensors UPDATES\n", words[0]);
    return 2;
  }
  for (i = 0; i < kParams; ++i)
    ((float *)&params)[i] = 0.3f * draw();
  for (i = 0; i < kSequences; ++i) {
    signal_begin(&sources[i], 0.7 + 0.05 * i);
    latest[i] = signal_next(&sources[i]);
  }
  for (i = 1; i <= updates; ++i) {
    double loss;
    take_signal();
    loss = compute_loss(memory);
    update(i, 0.01f * (1 - (float)i / ((float)updates + 1)));
    begin = i == 1 ? loss : begin;
    mean = i == 1 ? loss : 0.95 * mean + 0.05 * loss;
    if (i == 1 || i % 500 == 0)
      printf("update %d: root mean square error %.5f\n", i, sqrt(mean));
  }
  free(memory);
  if (!(mean < begin / 4) || !write_params(words[1]))
    return 1;
  return 0;
}
