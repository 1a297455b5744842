/* See driver.h. All memory is the caller's: `place` gives each buffer its part of it, the same for
 * the same sizes, so that `backward` finds what `forward` left. Rows come and go block by block;
 * only what the way back reads, states and tape, has all steps, and in a kernel without a way back
 * not even that. */
#include "codegen/aot/driver.h"

#include "runtime/blocks.h"

#define ALIGNMENT 64 /* of every buffer: a cache line, and the widest vector */

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

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/*===-- Memory ------------------------------------------------------------------------------===*/

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

static cellwright_buffer from_row(const run_state *run, cellwright_buffer series, int64_t row) {
  series.data = (char *)series.data + row * run->kernel->width * run->element_bytes;
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

/* Gives all buffers their memory, from `memory` on. */
static void place(run_state *run, const cellwright_version *version, int64_t steps,
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
  place(&run, &object->versions[cellwright_choose(object)], steps, sequences, 0);
  return run.is_too_large ? SIZE_MAX : run.end + ALIGNMENT;
}

/*===-- Rows of the caller ------------------------------------------------------------------===*/

/* Most rows of a panel are one whole vector. */
static void copy_bytes(char *to, const char *from, int64_t bytes) {
  switch (bytes) {
  case 64:
    __builtin_memcpy(to, from, 64);
    return;
  case 32:
    __builtin_memcpy(to, from, 32);
    return;
  case 16:
    __builtin_memcpy(to, from, 16);
    return;
  default:
    __builtin_memcpy(to, from, (size_t)bytes);
  }
}

/* Copies rows between panels and row-major memory, whose rows are `row_elements` apart. */
static void copy_rows(const run_state *run, cellwright_buffer panels, char *dense, int64_t rows,
                      int64_t columns, int64_t row_elements, int is_read) {
  int64_t width = run->kernel->width, size = run->element_bytes;
  for (int64_t column = 0; column < columns; column += width) {
    int64_t bytes = least(width, columns - column) * size;
    char *panel = (char *)panels.data + column / width * panels.panel_stride * size;
    for (int64_t row = 0; row < rows; ++row) {
      char *own = panel + row * width * size;
      char *other = dense + (row * row_elements + column) * size;
      if (is_read)
        copy_bytes(own, other, bytes);
      else
        copy_bytes(other, own, bytes);
    }
  }
}

/* The rows of a buffer from a step on; of one that has no steps, all. */
static cellwright_buffer rows_at(const run_state *run, int32_t buffer, int64_t step,
                                 int64_t block_begin) {
  const binding *place = &run->bindings[buffer];
  int64_t first = place->is_of_block ? block_begin : 0;
  cellwright_buffer rows = {(void *)(place->base + (uintptr_t)((step - first) * place->step_bytes)),
                            place->panel_stride};
  return rows;
}

/* Between a buffer and the caller's [T, N, d], or [N, d] for what has no steps. */
static void copy_steps(const run_state *run, int32_t buffer, void *dense, int64_t begin,
                       int64_t end, int is_read) {
  const cellwright_buffer_info *info = &run->kernel->buffers[buffer];
  if (!dense)
    return;
  int64_t rows = (end - begin) * run->sequences;
  int64_t first = begin * run->sequences * info->columns * run->element_bytes;
  copy_rows(run, rows_at(run, buffer, begin, begin), (char *)dense + first, rows, info->columns,
            info->columns, is_read);
}

static int64_t elements_of_states(const cellwright_kernel *kernel, int32_t count) {
  int64_t elements = 0;
  for (int32_t s = 0; s < count; ++s)
    elements += kernel->states[s].size;
  return elements;
}

/* Between series of one row per sequence and the caller's NAME_states. */
static void copy_states(const run_state *run, const cellwright_buffer *series, int64_t row,
                        void *dense, int is_read) {
  const cellwright_kernel *kernel = run->kernel;
  int64_t elements = elements_of_states(kernel, kernel->state_count);
  for (int32_t s = 0; s < kernel->state_count; ++s) {
    char *first = (char *)dense + elements_of_states(kernel, s) * run->element_bytes;
    copy_rows(run, from_row(run, series[s], row), first, run->sequences, kernel->states[s].size,
              elements, is_read);
  }
}

static void clear_rows(const run_state *run, cellwright_buffer series, int64_t rows,
                       int32_t columns) {
  int64_t width = run->kernel->width, size = run->element_bytes;
  if (columns == 0)
    __builtin_memset(series.data, 0, (size_t)(rows * size));
  for (int64_t column = 0; column < columns; column += width)
    __builtin_memset((char *)series.data + column / width * series.panel_stride * size, 0,
                     (size_t)(rows * width * size));
}

static void clear_states(const run_state *run, const cellwright_buffer *series) {
  for (int32_t s = 0; s < run->kernel->state_count; ++s)
    clear_rows(run, series[s], run->sequences, run->kernel->states[s].size);
}

/*===-- Stages ------------------------------------------------------------------------------===*/

static void set_table(run_state *run, int64_t step, int64_t block_begin) {
  for (int32_t i = 0; i < run->kernel->buffer_count; ++i)
    run->table[i] = rows_at(run, i, step, block_begin);
}

static void move_table(run_state *run, int64_t steps) {
  for (int32_t i = 0; i < run->kernel->buffer_count; ++i)
    run->table[i].data = (char *)run->table[i].data + steps * run->bindings[i].step_bytes;
}

static void call_phase(run_state *run, const cellwright_phase_info *phase, int64_t row_begin,
                       int64_t row_end, int64_t step) {
  cellwright_call call = {row_begin, row_end,       0, phase->tiles, run->numbers,
                          run->seed, (uint32_t)step};
  if (row_begin < row_end)
    phase->run(run->table, &call);
}

/* The next phase of a stage from `phase` on, or the end of all phases. */
static const cellwright_phase_info *find_phase(const run_state *run,
                                               const cellwright_phase_info *phase, int32_t stage) {
  const cellwright_phase_info *end = run->kernel->phases + run->kernel->phase_count;
  while (phase != end && (phase->stage != stage || (phase->for_inputs && !run->wants_inputs)))
    ++phase;
  return phase;
}

/* All phases of a stage on the rows of one step, or of sequences. */
static void run_rows(run_state *run, int32_t stage, int64_t rows, int64_t step) {
  const cellwright_phase_info *end = run->kernel->phases + run->kernel->phase_count;
  for (const cellwright_phase_info *phase = find_phase(run, run->kernel->phases, stage);
       phase != end; phase = find_phase(run, phase + 1, stage))
    call_phase(run, phase, 0, rows, step);
}

static void run_update(run_state *run, int32_t stage) {
  set_table(run, 0, 0);
  run_rows(run, stage, 1, 0);
}

static void run_sequences(run_state *run, int32_t stage) {
  set_table(run, 0, 0);
  run_rows(run, stage, run->sequences, 0);
}

/* Phases [first, last) for all rows of a block, some rows at a time: what one phase leaves is then
 * still in the second cache when the next reads it. */
static void run_chunks(run_state *run, const cellwright_phase_info *first,
                       const cellwright_phase_info *last, int64_t begin, int64_t end) {
  int32_t stage = first->stage;
  int64_t rows = (end - begin) * run->sequences;
  set_table(run, begin, begin);
  for (int64_t row = 0; row < rows; row += CELLWRIGHT_CHUNK_ROWS)
    for (const cellwright_phase_info *phase = first; phase < last;
         phase = find_phase(run, phase + 1, stage))
      call_phase(run, phase, row, least(row + CELLWRIGHT_CHUNK_ROWS, rows), 0);
}

/* A stage that is not the recurrence, over a block. */
static void run_block(run_state *run, int32_t stage, int64_t begin, int64_t end) {
  const cellwright_phase_info *last = run->kernel->phases + run->kernel->phase_count;
  const cellwright_phase_info *phase = find_phase(run, run->kernel->phases, stage);
  while (phase != last) {
    if (phase->per_step) {
      for (int64_t step = begin; step < end; ++step) {
        set_table(run, step, begin);
        call_phase(run, phase, 0, run->sequences, step);
      }
      phase = find_phase(run, phase + 1, stage);
      continue;
    }
    const cellwright_phase_info *first = phase;
    while (phase != last && !phase->per_step)
      phase = find_phase(run, phase + 1, stage);
    run_chunks(run, first, phase, begin, end);
  }
}

static void run_sums(run_state *run, int64_t begin, int64_t end) {
  const cellwright_phase_info *last = run->kernel->phases + run->kernel->phase_count;
  for (const cellwright_phase_info *phase =
           find_phase(run, run->kernel->phases, CELLWRIGHT_GRADIENT);
       phase != last; phase = find_phase(run, phase + 1, CELLWRIGHT_GRADIENT)) {
    if (!phase->per_step) {
      set_table(run, begin, begin);
      call_phase(run, phase, 0, (end - begin) * run->sequences, 0);
      continue;
    }
    for (int64_t step = end - 1; step >= begin; --step) {
      set_table(run, step, begin);
      call_phase(run, phase, 0, run->sequences, 0);
    }
  }
}

/*===-- Forward -----------------------------------------------------------------------------===*/

/* Where the parts of a call stand among its fields; a cell without states has neither initial nor
 * final ones. */
static int has_states(const cellwright_kernel *kernel) { return kernel->state_count > 0; }
static int32_t field_of_initial(const cellwright_kernel *kernel) { return 2 + kernel->input_count; }
static int32_t field_of_output(const cellwright_kernel *kernel) {
  return field_of_initial(kernel) + has_states(kernel);
}
static int32_t field_of_final(const cellwright_kernel *kernel) {
  return field_of_output(kernel) + 1 + kernel->state_count;
}
static int32_t field_of_seed(const cellwright_kernel *kernel) {
  return field_of_final(kernel) + has_states(kernel);
}

static void begin_run(run_state *run, const cellwright_object *object, const void *params,
                      const cellwright_field *call, void *memory) {
  const cellwright_version *version = &object->versions[cellwright_choose(object)];
  const cellwright_kernel *kernel = version->kernel;
  place(run, version, call[0].number, call[1].number, (uintptr_t)memory);
  if (object->draws)
    run->seed = (uint64_t)call[field_of_seed(kernel)].number;
  int64_t before = 0;
  for (int32_t p = 0; p < kernel->param_count && params; ++p) {
    for (int32_t i = 0; i < kernel->buffer_count; ++i)
      if (kernel->buffers[i].role == CELLWRIGHT_PARAM && kernel->buffers[i].index == p)
        run->bindings[i].base = (uintptr_t)params + (uintptr_t)(before * run->element_bytes);
    before += (int64_t)kernel->params[p].rows * kernel->params[p].columns;
  }
  for (int32_t i = 0; i < kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &kernel->buffers[i];
    if (info->role != CELLWRIGHT_INPUT || !kernel->inputs[info->index].is_index)
      continue;
    int64_t step = kernel->inputs[info->index].per_sequence ? 0 : run->sequences;
    binding place = {(uintptr_t)call[2 + info->index].pointer, 0, step * (int64_t)sizeof(int32_t),
                     0};
    run->bindings[i] = place;
  }
}

/* Reads the inputs of a block, or with an empty block those of sequences. */
static void read_inputs(run_state *run, const cellwright_field *call, int64_t begin, int64_t end) {
  const cellwright_kernel *kernel = run->kernel;
  for (int32_t i = 0; i < kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &kernel->buffers[i];
    if (info->role != CELLWRIGHT_INPUT || kernel->inputs[info->index].is_index)
      continue;
    int is_of_sequence = kernel->inputs[info->index].per_sequence;
    void *rows = call[2 + info->index].pointer;
    if (is_of_sequence && begin == end)
      copy_steps(run, i, rows, 0, 1, 1);
    else if (!is_of_sequence)
      copy_steps(run, i, rows, begin, end, 1);
  }
}

static void write_outputs(const run_state *run, const cellwright_field *call, int64_t begin,
                          int64_t end) {
  const cellwright_kernel *kernel = run->kernel;
  void *out = call[field_of_output(kernel)].pointer;
  for (int32_t i = 0; i < kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &kernel->buffers[i];
    if (info->role == CELLWRIGHT_OUTPUT)
      copy_steps(run, i, out, begin, end, 0);
    if (info->role != CELLWRIGHT_NEXT)
      continue;
    if (info->index == kernel->output_state)
      copy_steps(run, i, out, begin, end, 0);
    copy_steps(run, i, call[field_of_output(kernel) + 1 + info->index].pointer, begin, end, 0);
  }
}

/* The states after a block, where they have no memory beyond it, to before the next. */
static void carry_states(const run_state *run, int64_t steps) {
  int64_t width = run->kernel->width, size = run->element_bytes;
  for (int32_t s = 0; s < run->kernel->state_count; ++s) {
    cellwright_buffer to = run->states[s];
    cellwright_buffer from = from_row(run, to, steps * run->sequences);
    for (int64_t column = 0; column < run->kernel->states[s].size; column += width) {
      int64_t panel = column / width * to.panel_stride * size;
      __builtin_memmove((char *)to.data + panel, (char *)from.data + panel,
                        (size_t)(run->sequences * width * size));
    }
  }
}

static void run_forward_core(run_state *run, int64_t begin, int64_t end) {
  set_table(run, begin, begin);
  for (int64_t step = begin; step < end; ++step) {
    run_rows(run, CELLWRIGHT_FORWARD_CORE, run->sequences, step);
    move_table(run, 1);
  }
}

void cellwright_forward(const cellwright_object *object, const void *params,
                        const cellwright_field *call, void *memory) {
  run_state run = {0};
  begin_run(&run, object, params, call, memory);
  const cellwright_kernel *kernel = run.kernel;
  for (int32_t n = 0; n < run.sequences; ++n)
    run.numbers[n] = n;
  if (!run.constants)
    run_update(&run, CELLWRIGHT_PREPARE);
  void *initial = has_states(kernel) ? call[field_of_initial(kernel)].pointer : 0;
  void *final = has_states(kernel) ? call[field_of_final(kernel)].pointer : 0;
  if (initial)
    copy_states(&run, run.states, 0, initial, 1);
  else
    clear_states(&run, run.states);
  read_inputs(&run, call, 0, 0);
  run_sequences(&run, CELLWRIGHT_FORWARD_SEQUENCE);
  int64_t last = 0; /* row of the states after the last step */
  for (int64_t begin = 0; begin < run.steps; begin += run.forward_steps) {
    int64_t end = least(begin + run.forward_steps, run.steps);
    read_inputs(&run, call, begin, end);
    run_block(&run, CELLWRIGHT_FORWARD_BEFORE, begin, end);
    run_forward_core(&run, begin, end);
    run_block(&run, CELLWRIGHT_FORWARD_AFTER, begin, end);
    write_outputs(&run, call, begin, end);
    if (kernel->has_backward)
      last = end * run.sequences;
    else
      carry_states(&run, end - begin);
  }
  if (final)
    copy_states(&run, run.states, last, final, 0);
}

/*===-- Backward ----------------------------------------------------------------------------===*/

/* Where the parts of a call's adjoints stand among their fields: direct adjoints of states from 1
 * on, then those of final states, of inputs that are no indices, of initial states, of parameters.
 */
static int32_t field_of_input_adjoint(const cellwright_kernel *kernel, int32_t input) {
  int32_t field = 1 + kernel->state_count + has_states(kernel);
  for (int32_t i = 0; i < input; ++i)
    field += !kernel->inputs[i].is_index;
  return field;
}

/* What the caller gives for a buffer of adjoints, or has room for; null for other buffers. */
static void *adjoint_of(const run_state *run, const cellwright_field *adjoints, int32_t buffer) {
  const cellwright_buffer_info *info = &run->kernel->buffers[buffer];
  switch (info->role) {
  case CELLWRIGHT_ADJOINT_OUTPUT:
    return adjoints[0].pointer;
  case CELLWRIGHT_ADJOINT_DIRECT:
    return adjoints[1 + info->index].pointer;
  case CELLWRIGHT_ADJOINT_INPUT:
    return adjoints[field_of_input_adjoint(run->kernel, info->index)].pointer;
  default:
    return 0;
  }
}

static int is_given_adjoint(const cellwright_buffer_info *info) {
  return info->role == CELLWRIGHT_ADJOINT_OUTPUT || info->role == CELLWRIGHT_ADJOINT_DIRECT;
}

/* Sums start from zero, and so do adjoints that the caller does not give. */
static void begin_sums(run_state *run, const cellwright_field *adjoints) {
  for (int32_t i = 0; i < run->kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &run->kernel->buffers[i];
    int is_absent = is_given_adjoint(info) && !adjoint_of(run, adjoints, i);
    int64_t rows = info->lifetime == CELLWRIGHT_SEQUENCE || info->lifetime == CELLWRIGHT_STEP
                       ? run->sequences
                       : run->block_rows;
    if (info->is_zeroed && info->lifetime == CELLWRIGHT_UPDATE)
      __builtin_memset((void *)run->bindings[i].base, 0,
                       (size_t)(info->elements * run->element_bytes));
    else if (info->is_zeroed || is_absent)
      clear_rows(run, rows_at(run, i, 0, 0), rows, info->columns);
    if (info->role == CELLWRIGHT_ADJOINT_INPUT && adjoint_of(run, adjoints, i))
      run->wants_inputs = 1;
  }
}

/* Gradients of parameters go to where the caller wants them; those of frozen ones are zero. */
static void bind_gradients(run_state *run, char *gradients) {
  const cellwright_kernel *kernel = run->kernel;
  for (int32_t p = 0; p < kernel->param_count; ++p) {
    int64_t bytes =
        (int64_t)kernel->params[p].rows * kernel->params[p].columns * run->element_bytes;
    if (kernel->params[p].is_frozen)
      __builtin_memset(gradients, 0, (size_t)bytes);
    for (int32_t i = 0; i < kernel->buffer_count; ++i)
      if (kernel->buffers[i].role == CELLWRIGHT_ADJOINT_PARAM && kernel->buffers[i].index == p)
        run->bindings[i].base = (uintptr_t)gradients;
    gradients += bytes;
  }
}

/* Even steps read A and write B, odd ones the other way: no phase overwrites what another still
 * reads. */
static void run_backward_core(run_state *run, int64_t begin, int64_t end) {
  set_table(run, end - 1, begin);
  for (int64_t step = end - 1; step >= begin; --step) {
    const cellwright_buffer *after = step % 2 == 0 ? run->carry_a : run->carry_b;
    const cellwright_buffer *before = step % 2 == 0 ? run->carry_b : run->carry_a;
    for (int32_t i = 0; i < run->kernel->buffer_count; ++i) {
      const cellwright_buffer_info *info = &run->kernel->buffers[i];
      if (info->role == CELLWRIGHT_ADJOINT_NEXT)
        run->table[i] = after[info->index];
      else if (info->role == CELLWRIGHT_ADJOINT_STATE)
        run->table[i] = before[info->index];
    }
    run_rows(run, CELLWRIGHT_BACKWARD_CORE, run->sequences, step);
    move_table(run, -1);
  }
}

/* Adjoints of a block between the caller and the buffers of the roles that `is_read` says. */
static void copy_adjoints(const run_state *run, const cellwright_field *adjoints, int64_t begin,
                          int64_t end, int is_read) {
  for (int32_t i = 0; i < run->kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &run->kernel->buffers[i];
    int is_of_sequence = info->lifetime == CELLWRIGHT_SEQUENCE;
    if (is_read ? is_given_adjoint(info)
                : info->role == CELLWRIGHT_ADJOINT_INPUT && !is_of_sequence)
      copy_steps(run, i, adjoint_of(run, adjoints, i), begin, end, is_read);
  }
}

static void run_backward_blocks(run_state *run, const cellwright_field *call,
                                const cellwright_field *adjoints, int has_gradients) {
  int64_t blocks = (run->steps + run->backward_steps - 1) / run->backward_steps;
  for (int64_t block = blocks - 1; block >= 0; --block) {
    int64_t begin = block * run->backward_steps;
    int64_t end = least(begin + run->backward_steps, run->steps);
    read_inputs(run, call, begin, end);
    copy_adjoints(run, adjoints, begin, end, 1);
    run_block(run, CELLWRIGHT_BACKWARD_BEFORE, begin, end);
    run_backward_core(run, begin, end);
    run_block(run, CELLWRIGHT_BACKWARD_AFTER, begin, end);
    if (has_gradients)
      run_sums(run, begin, end);
    copy_adjoints(run, adjoints, begin, end, 0);
  }
}

/* What reaches the initial states. The runtime adds it to zero, which makes a minus zero a zero. */
static void write_initial_adjoints(const run_state *run, void *initial) {
  const cellwright_buffer *before = run->steps == 0 ? run->carry_a : run->carry_b;
  int64_t elements = elements_of_states(run->kernel, run->kernel->state_count) * run->sequences;
  copy_states(run, before, 0, initial, 0);
  for (int64_t i = 0; i < elements; ++i)
    if (run->element_bytes == 8)
      ((double *)initial)[i] += 0.0;
    else
      ((float *)initial)[i] += 0.0f;
}

void cellwright_backward(const cellwright_object *object, const void *params,
                         const cellwright_field *call, const cellwright_field *adjoints,
                         void *memory) {
  run_state run = {0};
  begin_run(&run, object, params, call, memory);
  const cellwright_kernel *kernel = run.kernel;
  int32_t field = field_of_input_adjoint(kernel, kernel->input_count);
  void *final = has_states(kernel) ? adjoints[1 + kernel->state_count].pointer : 0;
  void *initial = has_states(kernel) ? adjoints[field].pointer : 0;
  void *gradients = kernel->param_count > 0 ? adjoints[field + has_states(kernel)].pointer : 0;
  begin_sums(&run, adjoints);
  if (gradients)
    bind_gradients(&run, gradients);
  clear_states(&run, run.carry_a);
  clear_states(&run, run.carry_b);
  if (final) { /* the last step may read either */
    copy_states(&run, run.carry_a, 0, final, 1);
    copy_states(&run, run.carry_b, 0, final, 1);
  }
  run_backward_blocks(&run, call, adjoints, gradients != 0);
  run_sequences(&run, CELLWRIGHT_BACKWARD_SEQUENCE);
  if (gradients) {
    run_sequences(&run, CELLWRIGHT_GRADIENT_SEQUENCE);
    run_update(&run, CELLWRIGHT_FINISH);
  }
  for (int32_t i = 0; i < kernel->buffer_count; ++i)
    if (kernel->buffers[i].role == CELLWRIGHT_ADJOINT_INPUT &&
        kernel->buffers[i].lifetime == CELLWRIGHT_SEQUENCE)
      copy_steps(&run, i, adjoint_of(&run, adjoints, i), 0, 1, 0);
  if (initial)
    write_initial_adjoints(&run, initial);
}
