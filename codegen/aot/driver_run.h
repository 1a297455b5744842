/* The inside of the driver: one call on its way through time. For driver*.c. */
#ifndef CELLWRIGHT_CODEGEN_AOT_DRIVER_RUN_H
#define CELLWRIGHT_CODEGEN_AOT_DRIVER_RUN_H

#include "codegen/aot/driver.h"
#include "runtime/blocks.h"

/* How a buffer's rows move with the step. */
typedef struct {
  uintptr_t base; /* rows of the first step */
  int64_t panel_stride, step_bytes;
  int32_t is_of_block; /* the first step is the block's, not the call's */
} binding;

typedef struct {
  const cellwright_kernel *kernel;
  const void *const *constants;
  int64_t steps, sequences, element_bytes;
  int64_t forward_steps, backward_steps; /* of a block */
  int64_t block_rows;                    /* of the largest block */
  int64_t held_steps;                    /* of states and tape: all, or those of a block */
  uint64_t seed;
  int wants_inputs;         /* adjoints of inputs */
  int is_measured;          /* only how much memory there must be */
  int is_too_large;         /* more than a size counts */
  uintptr_t end;            /* of the memory that is taken */
  cellwright_buffer *table; /* what phases see */
  binding *bindings;
  /* Per state: the steps held and the one before them; adjoints on their way back. */
  cellwright_buffer *states, *carry_a, *carry_b;
  int32_t *numbers; /* of sequences */
} run_state;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline cellwright_buffer from_row(const run_state *run, cellwright_buffer series,
                                         int64_t row) {
  series.data = (char *)series.data + row * run->kernel->width * run->element_bytes;
  return series;
}

/* The rows of a buffer from a step on; of one that has no steps, all. */
static inline cellwright_buffer rows_at(const run_state *run, int32_t buffer, int64_t step,
                                        int64_t block_begin) {
  const binding *place = &run->bindings[buffer];
  int64_t first = place->is_of_block ? block_begin : 0;
  cellwright_buffer rows = {(void *)(place->base + (uintptr_t)((step - first) * place->step_bytes)),
                            place->panel_stride};
  return rows;
}

/* Elements of the first states of NAME_states. */
static inline int64_t elements_of_states(const cellwright_kernel *kernel, int32_t count) {
  int64_t elements = 0;
  for (int32_t s = 0; s < count; ++s)
    elements += kernel->states[s].size;
  return elements;
}

/*===-- Memory (driver_memory.c) ------------------------------------------------------------===*/

/* Gives all buffers their memory, from `memory` on. */
void cellwright_place(run_state *run, const cellwright_version *version, int64_t steps,
                      int64_t sequences, uintptr_t memory);

/*===-- Rows of the caller (driver_rows.c) --------------------------------------------------===*/

/* Between a buffer and the caller's [T, N, d], or [N, d] for what has no steps. */
void cellwright_copy_steps(const run_state *run, int32_t buffer, void *dense, int64_t begin,
                           int64_t end, int is_read);
/* Between series of one row per sequence and the caller's NAME_states. */
void cellwright_copy_states(const run_state *run, const cellwright_buffer *series, int64_t row,
                            void *dense, int is_read);
void cellwright_clear_rows(const run_state *run, cellwright_buffer series, int64_t rows,
                           int32_t columns);
void cellwright_clear_states(const run_state *run, const cellwright_buffer *series);

/*===-- Stages (driver_stages.c) ------------------------------------------------------------===*/

void cellwright_set_table(run_state *run, int64_t step, int64_t block_begin);
void cellwright_move_table(run_state *run, int64_t steps);
/* All phases of a stage on the rows of one step, or of sequences. */
void cellwright_run_rows(run_state *run, int32_t stage, int64_t rows, int64_t step);
void cellwright_run_update(run_state *run, int32_t stage);
void cellwright_run_sequences(run_state *run, int32_t stage);
/* A stage that is not the recurrence, over a block. */
void cellwright_run_block(run_state *run, int32_t stage, int64_t begin, int64_t end);
void cellwright_run_sums(run_state *run, int64_t begin, int64_t end);

#endif
