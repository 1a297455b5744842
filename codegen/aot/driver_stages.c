/* The stages of a kernel over blocks of steps, as runtime/layer_stages.cpp has them for one thread.
 */
#include "codegen/aot/driver_run.h"

void cellwright_set_table(run_state *run, int64_t step, int64_t block_begin) {
  for (int32_t i = 0; i < run->kernel->buffer_count; ++i)
    run->table[i] = rows_at(run, i, step, block_begin);
}

void cellwright_move_table(run_state *run, int64_t steps) {
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

void cellwright_run_rows(run_state *run, int32_t stage, int64_t rows, int64_t step) {
  const cellwright_phase_info *end = run->kernel->phases + run->kernel->phase_count;
  for (const cellwright_phase_info *phase = find_phase(run, run->kernel->phases, stage);
       phase != end; phase = find_phase(run, phase + 1, stage))
    call_phase(run, phase, 0, rows, step);
}

void cellwright_run_update(run_state *run, int32_t stage) {
  cellwright_set_table(run, 0, 0);
  cellwright_run_rows(run, stage, 1, 0);
}

void cellwright_run_sequences(run_state *run, int32_t stage) {
  cellwright_set_table(run, 0, 0);
  cellwright_run_rows(run, stage, run->sequences, 0);
}

/* Phases [first, last) for all rows of a block, some rows at a time: what one phase leaves is then
 * still in the second cache when the next reads it. */
static void run_chunks(run_state *run, const cellwright_phase_info *first,
                       const cellwright_phase_info *last, int64_t begin, int64_t end) {
  int32_t stage = first->stage;
  int64_t rows = (end - begin) * run->sequences;
  cellwright_set_table(run, begin, begin);
  for (int64_t row = 0; row < rows; row += CELLWRIGHT_CHUNK_ROWS)
    for (const cellwright_phase_info *phase = first; phase < last;
         phase = find_phase(run, phase + 1, stage))
      call_phase(run, phase, row, least(row + CELLWRIGHT_CHUNK_ROWS, rows), 0);
}

void cellwright_run_block(run_state *run, int32_t stage, int64_t begin, int64_t end) {
  const cellwright_phase_info *last = run->kernel->phases + run->kernel->phase_count;
  const cellwright_phase_info *phase = find_phase(run, run->kernel->phases, stage);
  while (phase != last) {
    if (phase->per_step) {
      for (int64_t step = begin; step < end; ++step) {
        cellwright_set_table(run, step, begin);
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

void cellwright_run_sums(run_state *run, int64_t begin, int64_t end) {
  const cellwright_phase_info *last = run->kernel->phases + run->kernel->phase_count;
  for (const cellwright_phase_info *phase =
           find_phase(run, run->kernel->phases, CELLWRIGHT_GRADIENT);
       phase != last; phase = find_phase(run, phase + 1, CELLWRIGHT_GRADIENT)) {
    if (!phase->per_step) {
      cellwright_set_table(run, begin, begin);
      call_phase(run, phase, 0, (end - begin) * run->sequences, 0);
      continue;
    }
    for (int64_t step = end - 1; step >= begin; --step) {
      cellwright_set_table(run, step, begin);
      call_phase(run, phase, 0, run->sequences, 0);
    }
  }
}
