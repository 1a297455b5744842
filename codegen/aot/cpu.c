/* Which version of an object a processor can run. Asks the processor itself: libgcc and compiler-rt
 * know too, but an object must not need them. */
#include "codegen/aot/driver.h"

#if defined(__x86_64__)

typedef struct {
  uint32_t eax, ebx, ecx, edx;
} registers;

static registers identify(uint32_t leaf, uint32_t part) {
  registers r;
  __asm__ volatile("cpuid"
                   : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                   : "a"(leaf), "c"(part));
  return r;
}

/* Which registers the system saves when it switches between programs. */
static uint32_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

void cellwright_read_cpu(cellwright_cpu *cpu) {
  *cpu = (cellwright_cpu){{0}};
  uint32_t last = identify(0, 0).eax, last_extended = identify(0x80000000u, 0).eax;
  registers basic = identify(1, 0);
  cpu->words[0] = basic.ecx;
  if (last >= 7) {
    registers features = identify(7, 0);
    cpu->words[1] = features.ebx;
    cpu->words[2] = features.ecx;
    cpu->words[3] = features.edx;
    if (features.eax >= 1) {
      registers more = identify(7, 1);
      cpu->words[4] = more.eax;
      cpu->words[5] = more.edx;
    }
  }
  if (last_extended >= 0x80000001u)
    cpu->words[6] = identify(0x80000001u, 0).ecx;
  if (basic.ecx >> 27 & 1) /* OSXSAVE */
    cpu->words[7] = saved_registers();
}

#else

void cellwright_read_cpu(cellwright_cpu *cpu) { *cpu = (cellwright_cpu){{0}}; }

#endif

static int can_run(const cellwright_cpu *cpu, const cellwright_version *version) {
  for (int i = 0; i < CELLWRIGHT_CPU_WORDS; ++i)
    if ((cpu->words[i] & version->needs.words[i]) != version->needs.words[i])
      return 0;
  return 1;
}

/* Any number of threads may find the choice at the same time: it is the same for all. */
int32_t cellwright_choose(const cellwright_object *object) {
  int32_t number = 0;
  if (object->version_count == 1)
    return 0;
  number = __atomic_load_n(object->choice, __ATOMIC_RELAXED);
  if (number != 0)
    return number - 1;
  cellwright_cpu cpu;
  cellwright_read_cpu(&cpu);
  while (number + 1 < object->version_count && !can_run(&cpu, &object->versions[number]))
    ++number;
  __atomic_store_n(object->choice, number + 1, __ATOMIC_RELAXED);
  return number;
}

int cellwright_is_supported(const cellwright_object *object) {
  cellwright_cpu cpu;
  cellwright_read_cpu(&cpu);
  return can_run(&cpu, &object->versions[cellwright_choose(object)]);
}

const cellwright_kernel *cellwright_chosen_kernel(const cellwright_object *object) {
  return object->versions[cellwright_choose(object)].kernel;
}
