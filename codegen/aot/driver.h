/* What an ahead-of-time object runs on: tables of its kernels, and one driver that takes them
 * through time, on one thread and in memory of the caller. The compiler links the driver too, to
 * know sizes. What one gets wrong: the driver must give the bits of runtime/layer*.cpp, so it has
 * the same stages, blocks and order of sums. */
#ifndef CELLWRIGHT_CODEGEN_AOT_DRIVER_H
#define CELLWRIGHT_CODEGEN_AOT_DRIVER_H

#include "runtime/kernel_abi.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an x86 processor and its system can do: eight words that CPUID and XGETBV give. All zero
 * elsewhere. */
#define CELLWRIGHT_CPU_WORDS 8
typedef struct {
  uint32_t words[CELLWRIGHT_CPU_WORDS];
} cellwright_cpu;

/* The kernels of an object for one kind of processor. */
typedef struct {
  cellwright_cpu needs;
  const cellwright_kernel *kernel;
  const void *const *constants; /* per buffer what weights of the object make of it, or null */
} cellwright_version;

typedef struct {
  const cellwright_version *versions; /* best first */
  int32_t version_count;
  int32_t draws;   /* calls have a seed */
  int32_t *choice; /* number of the version that runs here, from 1; 0: not known yet */
} cellwright_object;

/* A field of NAME_call or NAME_adjoints: all of them have eight bytes. In their order:
 * call: steps, sequences, inputs, initial, out, states, final, and seed where functions draw;
 * adjoints: dout, dstates, dfinal, of inputs that are no indices, dinitial, dparams. */
typedef union {
  int64_t number;
  void *pointer;
} cellwright_field;

/* Reads what this processor can do. */
void cellwright_read_cpu(cellwright_cpu *cpu);
/* Number of the first version that this processor can run, else of the last one, from 0. */
int32_t cellwright_choose(const cellwright_object *object);
int cellwright_is_supported(const cellwright_object *object);
const cellwright_kernel *cellwright_chosen_kernel(const cellwright_object *object);

/* Bytes of work memory for T steps of N sequences, wherever it begins. */
size_t cellwright_memory(const cellwright_object *object, int64_t steps, int64_t sequences);
/* `params` and the results of `backward` stand one after the other, dense and row-major. */
void cellwright_forward(const cellwright_object *object, const void *params,
                        const cellwright_field *call, void *memory);
void cellwright_backward(const cellwright_object *object, const void *params,
                         const cellwright_field *call, const cellwright_field *adjoints,
                         void *memory);

#ifdef __cplusplus
}
#endif

#endif
