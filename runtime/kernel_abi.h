/* The plain C interface between kernels and whoever runs them: what code generation emits and the
 * runtime calls. What one gets wrong: vectors of a step are not stored row by row but in panels of
 * `width` columns, [columns / width][rows][width], columns rounded up; what stands in the columns
 * beyond the end is arbitrary. A scalar per row is stored as [rows]. */
#ifndef CELLWRIGHT_RUNTIME_KERNEL_ABI_H
#define CELLWRIGHT_RUNTIME_KERNEL_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rises with every change of what stands below; a kernel of another version is refused. */
#define CELLWRIGHT_ABI_VERSION 2

typedef enum { CELLWRIGHT_F32 = 0, CELLWRIGHT_F64 = 1 } cellwright_type;

/* What a buffer holds. `index` in cellwright_buffer_info says which input, state or parameter. */
typedef enum {
  CELLWRIGHT_INPUT,          /* an input, one row per step and sequence, or per sequence */
  CELLWRIGHT_STATE,          /* a state before the step */
  CELLWRIGHT_NEXT,           /* a state after the step */
  CELLWRIGHT_OUTPUT,         /* the output, where it is no state */
  CELLWRIGHT_PARAM,          /* a parameter as the caller has it, dense and row-major */
  CELLWRIGHT_ADJOINT_OUTPUT, /* from the caller */
  CELLWRIGHT_ADJOINT_DIRECT, /* of a state after each step, from the caller */
  CELLWRIGHT_ADJOINT_NEXT,   /* of a state after the step, from the step after it */
  CELLWRIGHT_ADJOINT_STATE,  /* of a state before the step, to the step before it */
  CELLWRIGHT_ADJOINT_INPUT,  /* to the caller */
  CELLWRIGHT_ADJOINT_PARAM,  /* to the caller, dense and row-major, overwritten */
  CELLWRIGHT_VALUE           /* anything else */
} cellwright_role;

/* How long a buffer keeps its contents, and how many rows it has. */
typedef enum {
  CELLWRIGHT_UPDATE,   /* until parameters change: `elements` numbers, no rows */
  CELLWRIGHT_SEQUENCE, /* for the whole call: one row per sequence */
  CELLWRIGHT_TAPE,     /* from forward to backward: a row per step and sequence */
  CELLWRIGHT_BLOCK,    /* within a block of steps: a row per step and sequence */
  CELLWRIGHT_STEP      /* within a step: a row per sequence */
} cellwright_lifetime;

typedef enum {
  CELLWRIGHT_PREPARE,          /* after parameters changed: packs weights */
  CELLWRIGHT_FORWARD_SEQUENCE, /* what does not change within a sequence */
  CELLWRIGHT_FORWARD_BEFORE,   /* what does not depend on a state, a block of steps at once */
  CELLWRIGHT_FORWARD_CORE,     /* the recurrence, step by step */
  CELLWRIGHT_FORWARD_AFTER,    /* what no next state depends on, a block of steps at once */
  CELLWRIGHT_BACKWARD_BEFORE,
  CELLWRIGHT_BACKWARD_CORE,
  CELLWRIGHT_BACKWARD_AFTER,
  CELLWRIGHT_GRADIENT,          /* sums over the rows of a block */
  CELLWRIGHT_BACKWARD_SEQUENCE, /* adjoints of what does not change within a sequence */
  CELLWRIGHT_GRADIENT_SEQUENCE, /* sums over sequences */
  CELLWRIGHT_FINISH,            /* gradients of parameters from these sums */
  CELLWRIGHT_STAGE_COUNT
} cellwright_stage;

/* Where a buffer's rows of this call begin. Strides count elements. */
typedef struct {
  void *data;
  int64_t panel_stride;
} cellwright_buffer;

/* What one call of a phase has to do. */
typedef struct {
  int64_t row_begin, row_end;   /* rows of the buffers */
  int64_t tile_begin, tile_end; /* tiles of the phase's columns, or parts of a sum's result */
  const int32_t *sequences;     /* [rows] number of each row's sequence, for random functions */
  uint64_t seed;                /* likewise */
  uint32_t step;                /* number of the step, likewise */
} cellwright_call;

typedef void (*cellwright_phase)(const cellwright_buffer *buffers, const cellwright_call *call);

typedef struct {
  const char *name; /* for messages and plans */
  int32_t role;
  int32_t lifetime;
  int32_t index;     /* of the input, state or parameter, else 0 */
  int32_t columns;   /* 0: one scalar per row */
  int64_t elements;  /* of an update's buffer */
  int32_t is_zeroed; /* starts each backward call as zeros: sums */
} cellwright_buffer_info;

typedef struct {
  cellwright_phase run;
  const char *name;
  int32_t stage;
  int32_t tiles;         /* how many tiles the work can be divided into, at least 1 */
  int32_t per_step;      /* reads rows of a sequence or random numbers: one step a call */
  int32_t for_inputs;    /* only adjoints of inputs need it */
  int64_t flops_per_row; /* of its products, two per multiply-add */
  int64_t weight_bytes;  /* that all its tiles read */
} cellwright_phase_info;

typedef struct {
  const char *name;
  int32_t size;
  int32_t per_sequence; /* inputs */
  int32_t is_index;     /* inputs: a row is one int32_t k, which stands for a vector with 1 at k and
                           else 0 */
} cellwright_vector_info;

/* How a parameter gets its first value; W has r rows and c columns, a vector one column. */
typedef enum {
  CELLWRIGHT_GLOROT,     /* uniform in +-sqrt(6 / (r + c)) */
  CELLWRIGHT_HE,         /* normal with variance 2 / c */
  CELLWRIGHT_ORTHOGONAL, /* Q of a normal matrix, signs of R's diagonal */
  CELLWRIGHT_IDENTITY,   /* first argument on the diagonal */
  CELLWRIGHT_UNIFORM,    /* between the arguments */
  CELLWRIGHT_NORMAL,     /* mean and standard deviation */
  CELLWRIGHT_CONSTANT    /* first argument */
} cellwright_initializer;

typedef struct {
  const char *name;
  int32_t rank, rows, columns; /* a scalar has rank 0, a vector [rows] rank 1 */
  int32_t is_frozen;
  int32_t initializer;
  double first, second; /* arguments of the initializer */
} cellwright_param_info;

typedef struct {
  uint32_t abi_version;
  int32_t type;  /* cellwright_type */
  int32_t width; /* columns of a panel */
  const char *name;
  int32_t input_count, state_count, param_count, buffer_count, phase_count;
  const cellwright_vector_info *inputs, *states;
  const cellwright_param_info *params;
  const cellwright_buffer_info *buffers;
  const cellwright_phase_info *phases; /* in the order in which they run within a stage */
  int32_t output_size;
  int32_t output_state; /* the state whose next value is the output, or -1 */
  int32_t has_backward;
} cellwright_kernel;

#ifdef __cplusplus
}
#endif

#endif
