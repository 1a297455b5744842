// See processors.h. Bits are those of Intel's manual 325383, CPUID, and AMD's 24594, appendix E.
#include "codegen/aot/processors.h"

#include <initializer_list>

namespace cellwright {

static constexpr uint32_t bits(std::initializer_list<int> numbers) {
  uint32_t word = 0;
  for (int number : numbers)
    word |= uint32_t{1} << number;
  return word;
}

namespace {

// The psABI's levels: x86-64-v3 has what stands before in v2 too.
constexpr uint32_t kBasicOfV3 =
    bits({0, 9, 12, 13, 19, 20, 22, 23, 27, 28, 29}); // SSE3 to SSE4.2, FMA, MOVBE, AVX, F16C
constexpr uint32_t kFeaturesOfV3 = bits({3, 5, 8});   // BMI1, AVX2, BMI2
constexpr uint32_t kExtendedOfV3 = bits({0, 5});      // LAHF, LZCNT
constexpr uint32_t kSavedOfV3 = bits({1, 2});         // registers of SSE and AVX
constexpr uint32_t kFeaturesOfV4 = bits({16, 17, 28, 30, 31}); // AVX-512 F, DQ, CD, BW, VL
constexpr uint32_t kSavedOfV4 = bits({5, 6, 7});               // mask and 512-bit registers

constexpr cellwright_cpu kV3 = {{kBasicOfV3, kFeaturesOfV3, 0, 0, 0, 0, kExtendedOfV3, kSavedOfV3}};
constexpr cellwright_cpu kV4 = {{kBasicOfV3, kFeaturesOfV3 | kFeaturesOfV4, 0, 0, 0, 0,
                                 kExtendedOfV3, kSavedOfV3 | kSavedOfV4}};

// What stands for instructions, and not for the system, faults of the processor or its speed.
constexpr cellwright_cpu kInstructions = {{
    bits({0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 27, 28, 29, 30}),
    bits({0, 3, 5, 8, 11, 16, 17, 18, 19, 21, 23, 24, 28, 29, 30, 31}),
    bits({1, 5, 6, 8, 9, 10, 11, 12, 14, 22, 25, 27, 28}),
    bits({8, 22, 23, 24, 25}),
    bits({0, 1, 2, 4, 5, 21, 23}),
    bits({4, 5, 10, 19, 21}),
    bits({0, 5, 6, 8, 11, 15, 16, 21}),
    bits({1, 2, 5, 6, 7, 17, 18, 19}),
}};

} // namespace

cellwright_cpu neededCpu(const Target &target, bool isNative) {
  if (isNative) {
    cellwright_cpu cpu;
    cellwright_read_cpu(&cpu);
    for (int i = 0; i < CELLWRIGHT_CPU_WORDS; ++i)
      cpu.words[i] &= kInstructions.words[i];
    return cpu;
  }
  if (target.name == "x86-64-v4")
    return kV4;
  if (target.name == "x86-64-v3")
    return kV3;
  return {};
}

} // namespace cellwright
