/* Between the panels that kernels read and write and the row-major memory of callers. */
#include "codegen/aot/driver_run.h"

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

void cellwright_copy_steps(const run_state *run, int32_t buffer, void *dense, int64_t begin,
                           int64_t end, int is_read) {
  const cellwright_buffer_info *info = &run->kernel->buffers[buffer];
  if (!dense)
    return;
  int64_t rows = (end - begin) * run->sequences;
  int64_t first = begin * run->sequences * info->columns * run->element_bytes;
  copy_rows(run, rows_at(run, buffer, begin, begin), (char *)dense + first, rows, info->columns,
            info->columns, is_read);
}

void cellwright_copy_states(const run_state *run, const cellwright_buffer *series, int64_t row,
                            void *dense, int is_read) {
  const cellwright_kernel *kernel = run->kernel;
  int64_t elements = elements_of_states(kernel, kernel->state_count);
  for (int32_t s = 0; s < kernel->state_count; ++s) {
    char *first = (char *)dense + elements_of_states(kernel, s) * run->element_bytes;
    copy_rows(run, from_row(run, series[s], row), first, run->sequences, kernel->states[s].size,
              elements, is_read);
  }
}

void cellwright_clear_rows(const run_state *run, cellwright_buffer series, int64_t rows,
                           int32_t columns) {
  int64_t width = run->kernel->width, size = run->element_bytes;
  if (columns == 0)
    __builtin_memset(series.data, 0, (size_t)(rows * size));
  for (int64_t column = 0; column < columns; column += width)
    __builtin_memset((char *)series.data + column / width * series.panel_stride * size, 0,
                     (size_t)(rows * width * size));
}

void cellwright_clear_states(const run_state *run, const cellwright_buffer *series) {
  for (int32_t s = 0; s < run->kernel->state_count; ++s)
    cellwright_clear_rows(run, series[s], run->sequences, run->kernel->states[s].size);
}
