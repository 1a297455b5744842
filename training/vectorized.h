// CELLWRIGHT_VECTORIZED before a function compiles it for several x86-64 levels and takes the best
// for the machine when the program is loaded. The plain version is no attribute at all; on Zen 5,
// in the cache, optimizers gain a factor of 2 (sgd) to 3.6 (rmsprop), norms 4, the loss 7. All
// levels give the same bits: this folder is compiled without contraction.
#pragma once

// Clang spells levels in another way; a sanitizer's run time is not there yet when the choice is
// made.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) &&         \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CELLWRIGHT_VECTORIZED                                                                      \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CELLWRIGHT_VECTORIZED
#endif
