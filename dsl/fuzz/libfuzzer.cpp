// The target for libFuzzer: cmake -D CELLWRIGHT_FUZZ=ON with clang, then
//   dsl_libfuzzer corpus/ -max_len=2000
#include "dsl/fuzz/fuzz_input.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cellwright::fuzzInput({reinterpret_cast<const char *>(data), size});
  return 0;
}
