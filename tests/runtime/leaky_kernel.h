// A kernel written by hand, for tests of the runtime without a compiler: h' = a * h + x and, as
// output, y = h' + v, with a parameter a[5] and an input v[5] per sequence. Five columns are no
// multiple of its panels of four.
#pragma once

#include "runtime/kernel_abi.h"

namespace cellwright::test {

inline constexpr int kLeakySize = 5;
inline constexpr int kLeakyWidth = 4;

/// In: x, v. State: h. Parameter: a. Takes adjoints of the state's steps. Lives as long as the
/// program.
const cellwright_kernel &leakyKernel();

/// The same without v, as a layer of a network has it: y = h'.
const cellwright_kernel &plainLeakyKernel();

/// Two states, one of them the output, two values on the tape and random numbers. Its way back
/// reads all of them, but its gradients are those of no function: it is for comparing bits.
const cellwright_kernel &tapedKernel();

/// A cell without state that doubles what it gets.
const cellwright_kernel &doublingKernel();

/// Gives column k of its parameter e[5, 3] for an index k; no gradient reaches the index.
const cellwright_kernel &embeddingKernel();

} // namespace cellwright::test
