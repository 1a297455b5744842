/* See driver.h. Rows of the caller come and go block by block. */
#include "codegen/aot/driver_run.h"

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
  cellwright_place(run, version, call[0].number, call[1].number, (uintptr_t)memory);
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
      cellwright_copy_steps(run, i, rows, 0, 1, 1);
    else if (!is_of_sequence)
      cellwright_copy_steps(run, i, rows, begin, end, 1);
  }
}

static void write_outputs(const run_state *run, const cellwright_field *call, int64_t begin,
                          int64_t end) {
  const cellwright_kernel *kernel = run->kernel;
  void *out = call[field_of_output(kernel)].pointer;
  for (int32_t i = 0; i < kernel->buffer_count; ++i) {
    const cellwright_buffer_info *info = &kernel->buffers[i];
    if (info->role == CELLWRIGHT_OUTPUT)
      cellwright_copy_steps(run, i, out, begin, end, 0);
    if (info->role != CELLWRIGHT_NEXT)
      continue;
    if (info->index == kernel->output_state)
      cellwright_copy_steps(run, i, out, begin, end, 0);
    cellwright_copy_steps(run, i, call[field_of_output(kernel) + 1 + info->index].pointer, begin,
                          end, 0);
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
  cellwright_set_table(run, begin, begin);
  for (int64_t step = begin; step < end; ++step) {
    cellwright_run_rows(run, CELLWRIGHT_FORWARD_CORE, run->sequences, step);
    cellwright_move_table(run, 1);
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
    cellwright_run_update(&run, CELLWRIGHT_PREPARE);
  void *initial = has_states(kernel) ? call[field_of_initial(kernel)].pointer : 0;
  void *final = has_states(kernel) ? call[field_of_final(kernel)].pointer : 0;
  if (initial)
    cellwright_copy_states(&run, run.states, 0, initial, 1);
  else
    cellwright_clear_states(&run, run.states);
  read_inputs(&run, call, 0, 0);
  cellwright_run_sequences(&run, CELLWRIGHT_FORWARD_SEQUENCE);
  int64_t last = 0; /* row of the states after the last step */
  for (int64_t begin = 0; begin < run.steps; begin += run.forward_steps) {
    int64_t end = least(begin + run.forward_steps, run.steps);
    read_inputs(&run, call, begin, end);
    cellwright_run_block(&run, CELLWRIGHT_FORWARD_BEFORE, begin, end);
    run_forward_core(&run, begin, end);
    cellwright_run_block(&run, CELLWRIGHT_FORWARD_AFTER, begin, end);
    write_outputs(&run, call, begin, end);
    if (kernel->has_backward)
      last = end * run.sequences;
    else
      carry_states(&run, end - begin);
  }
  if (final)
    cellwright_copy_states(&run, run.states, last, final, 0);
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
      cellwright_clear_rows(run, rows_at(run, i, 0, 0), rows, info->columns);
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
  cellwright_set_table(run, end - 1, begin);
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
    cellwright_run_rows(run, CELLWRIGHT_BACKWARD_CORE, run->sequences, step);
    cellwright_move_table(run, -1);
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
      cellwright_copy_steps(run, i, adjoint_of(run, adjoints, i), begin, end, is_read);
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
    cellwright_run_block(run, CELLWRIGHT_BACKWARD_BEFORE, begin, end);
    run_backward_core(run, begin, end);
    cellwright_run_block(run, CELLWRIGHT_BACKWARD_AFTER, begin, end);
    if (has_gradients)
      cellwright_run_sums(run, begin, end);
    copy_adjoints(run, adjoints, begin, end, 0);
  }
}

/* What reaches the initial states. The runtime adds it to zero, which makes a minus zero a zero. */
static void write_initial_adjoints(const run_state *run, void *initial) {
  const cellwright_buffer *before = run->steps == 0 ? run->carry_a : run->carry_b;
  int64_t elements = elements_of_states(run->kernel, run->kernel->state_count) * run->sequences;
  cellwright_copy_states(run, before, 0, initial, 0);
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
  cellwright_clear_states(&run, run.carry_a);
  cellwright_clear_states(&run, run.carry_b);
  if (final) { /* the last step may read either */
    cellwright_copy_states(&run, run.carry_a, 0, final, 1);
    cellwright_copy_states(&run, run.carry_b, 0, final, 1);
  }
  run_backward_blocks(&run, call, adjoints, gradients != 0);
  cellwright_run_sequences(&run, CELLWRIGHT_BACKWARD_SEQUENCE);
  if (gradients) {
    cellwright_run_sequences(&run, CELLWRIGHT_GRADIENT_SEQUENCE);
    cellwright_run_update(&run, CELLWRIGHT_FINISH);
  }
  for (int32_t i = 0; i < kernel->buffer_count; ++i)
    if (kernel->buffers[i].role == CELLWRIGHT_ADJOINT_INPUT &&
        kernel->buffers[i].lifetime == CELLWRIGHT_SEQUENCE)
      cellwright_copy_steps(&run, i, adjoint_of(&run, adjoints, i), 0, 1, 0);
  if (initial)
    write_initial_adjoints(&run, initial);
}
