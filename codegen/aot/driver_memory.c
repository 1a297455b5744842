/* All memory is the caller's: `place` gives each buffer its part of it, the same for the same
 * sizes, so that `backward` finds what `forward` left. Only what the way back reads, states and
 * tape, has all steps, and in a kernel without a way back not even that. */
#include "codegen/aot/driver_run.h"

#define ALIGNMENT 64 /* of every buffer: a cache line, and the widest vector */

/* Takes room for so many things of some bytes; keeps in mind if nobody has that much. */
static uintptr_t take(run_state *run, int64_t count, int64_t bytes) {
  uintptr_t begin = run->end;
  int64_t all = 0, end = 0;
  if (__builtin_mul_overflow(count, bytes, &all) || all > INT64_MAX - ALIGNMENT ||
      __builtin_add_overflow((int64_t)begin, (all + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, &end))
    run->is_too_large = 1;
  run->end = (uintptr_t)end;
  return begin;
}

/* Rows of a series; 0 columns is a scalar per row. An odd number of rows, so that the same row of
 * different panels falls into different sets of the cache. */
static cellwright_buffer take_rows(run_state *run, int64_t rows, int32_t columns) {
  int64_t width = run->kernel->width;
  int64_t of_row = columns == 0 ? 1 : (columns + width - 1) / width * width;
  cellwright_buffer series = {0, 0};
  series.data = (void *)take(run, columns == 0 ? rows : rows | 1, of_row * run->element_bytes);
  series.panel_stride = (int64_t)((uint64_t)(rows | 1) * (uint64_t)width);
  return series;
}

static void bind(run_state *run, int32_t buffer, cellwright_buffer series, int moves_with_step,
                 int is_of_block) {
  if (run->is_measured)
    return;
  int64_t row = run->kernel->buffers[buffer].columns == 0 ? 1 : run->kernel->width;
  binding place = {(uintptr_t)series.data, series.panel_stride,
                   moves_with_step ? run->sequences * row * run->element_bytes : 0, is_of_block};
  run->bindings[buffer] = place;
}

static void place_states(run_state *run) {
  const cellwright_kernel *kernel = run->kernel;
  int64_t bytes = sizeof(cellwright_buffer);
  run->states = (cellwright_buffer *)take(run, kernel->state_count, bytes);
  run->carry_a = (cellwright_buffer *)take(run, kernel->state_count, bytes);
  run->carry_b = (cellwright_buffer *)take(run, kernel->state_count, bytes);
  for (int32_t s = 0; s < kernel->state_count; ++s) {
    int32_t columns = kernel->states[s].size;
    cellwright_buffer states = take_rows(run, (run->held_steps + 1) * run->sequences, columns);
    cellwright_buffer carry_a = {0, 0}, carry_b = {0, 0};
    if (kernel->has_backward) {
      carry_a = take_rows(run, run->sequences, columns);
      carry_b = take_rows(run, run->sequences, columns);
    }
    if (run->is_measured)
      continue;
    run->states[s] = states;
    run->carry_a[s] = carry_a;
    run->carry_b[s] = carry_b;
  }
}

/* What an update computes: constants of the object where it has weights. */
static void place_update(run_state *run, int32_t i) {
  const cellwright_buffer_info *info = &run->kernel->buffers[i];
  cellwright_buffer place = {0, 0};
  if (run->constants)
    place.data = (void *)run->constants[i];
  else if (info->role == CELLWRIGHT_VALUE)
    place.data = (void *)take(run, info->elements, run->element_bytes);
  bind(run, i, place, 0, 0);
}

static void place_rows(run_state *run, int32_t i) {
  const cellwright_kernel *kernel = run->kernel;
  const cellwright_buffer_info *info = &kernel->buffers[i];
  int64_t N = run->sequences;
  int is_stepwise = info->lifetime == CELLWRIGHT_STEP || info->lifetime == CELLWRIGHT_SEQUENCE;
  int is_held = kernel->has_backward && info->lifetime == CELLWRIGHT_TAPE;
  switch (info->role) {
  case CELLWRIGHT_STATE:
  case CELLWRIGHT_NEXT: {
    if (run->is_measured)
      return;
    cellwright_buffer series = run->states[info->index];
    bind(run, i, info->role == CELLWRIGHT_NEXT ? from_row(run, series, N) : series, 1,
         !kernel->has_backward);
    return;
  }
  case CELLWRIGHT_ADJOINT_NEXT: /* the backward core sets these itself */
  case CELLWRIGHT_ADJOINT_STATE:
    bind(run, i, (cellwright_buffer){0, 0}, 0, 0);
    return;
  case CELLWRIGHT_INPUT: /* an index is read where the caller has it */
    if (kernel->inputs[info->index].is_index)
      return;
    bind(run, i, take_rows(run, is_stepwise ? N : run->block_rows, info->columns), !is_stepwise, 1);
    return;
  case CELLWRIGHT_VALUE:
  case CELLWRIGHT_OUTPUT:
    if (is_held) {
      bind(run, i, take_rows(run, run->held_steps * N, info->columns), 1, 0);
      return;
    }
    break;
  default:
    break;
  }
  bind(run, i, take_rows(run, is_stepwise ? N : run->block_rows, info->columns), !is_stepwise, 1);
}

void cellwright_place(run_state *run, const cellwright_version *version, int64_t steps,
                      int64_t sequences, uintptr_t memory) {
  const cellwright_kernel *kernel = version->kernel;
  int64_t rows = most(sequences, 1);
  run->kernel = kernel;
  run->constants = version->constants;
  run->steps = steps;
  run->sequences = sequences;
  run->element_bytes = kernel->type == CELLWRIGHT_F64 ? 8 : 4;
  run->forward_steps = most(1, CELLWRIGHT_FORWARD_BLOCK_ROWS / rows);
  run->backward_steps =
      least(most(CELLWRIGHT_BACKWARD_BLOCK_ROWS / rows, 1), CELLWRIGHT_MOST_BLOCK_STEPS);
  int64_t block = kernel->has_backward ? run->backward_steps : run->forward_steps;
  run->block_rows = least(block, steps) * sequences;
  run->held_steps = kernel->has_backward ? steps : least(block, steps);
  run->end = (memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  int64_t count = kernel->buffer_count;
  run->table = (cellwright_buffer *)take(run, count, sizeof(cellwright_buffer));
  run->bindings = (binding *)take(run, count, sizeof(binding));
  run->numbers = (int32_t *)take(run, sequences, sizeof(int32_t));
  place_states(run);
  for (int32_t i = 0; i < kernel->buffer_count; ++i)
    if (kernel->buffers[i].lifetime == CELLWRIGHT_UPDATE)
      place_update(run, i);
    else
      place_rows(run, i);
}

size_t cellwright_memory(const cellwright_object *object, int64_t steps, int64_t sequences) {
  run_state run = {0};
  int64_t rows = 0;
  run.is_measured = 1;
  if (__builtin_mul_overflow(most(steps, 1) + 1, most(sequences, 1), &rows))
    return SIZE_MAX;
  cellwright_place(&run, &object->versions[cellwright_choose(object)], steps, sequences, 0);
  return run.is_too_large ? SIZE_MAX : run.end + ALIGNMENT;
}
