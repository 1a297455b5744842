// Changes tensor files by chance, always in the same way for a seed, and checks what must hold: an
// Error, or tensors that are as large as they say and come back from the file they make. It is
// compiled with sanitizers whatever the rest is.
//   safetensors_mutate COUNT SEED
#include "runtime/error.h"
#include "training/safetensors.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

/// Words of headers, and numbers at the ends of their ranges.
constexpr std::array<std::string_view, 48> kPieces = {"{",
                                                      "}",
                                                      "[",
                                                      "]",
                                                      ",",
                                                      ":",
                                                      "\"",
                                                      "\\",
                                                      "\\u0000",
                                                      "\\ud800",
                                                      "\\u002e",
                                                      "\xff",
                                                      "\xc3",
                                                      "\xe2\x82\xac",
                                                      " ",
                                                      "\n",
                                                      "0",
                                                      "1",
                                                      "-1",
                                                      "4",
                                                      "8",
                                                      "1.5",
                                                      "1e9",
                                                      "1e400",
                                                      "2147483648",
                                                      "4294967296",
                                                      "4611686018427387904",
                                                      "9223372036854775807",
                                                      "9223372036854775808",
                                                      "18446744073709551615",
                                                      "18446744073709551616",
                                                      "null",
                                                      "true",
                                                      "{}",
                                                      "[]",
                                                      "[[[[",
                                                      "\"F32\"",
                                                      "\"F64\"",
                                                      "\"U8\"",
                                                      "\"BOOL\"",
                                                      "\"dtype\":",
                                                      "\"shape\":",
                                                      "\"data_offsets\":",
                                                      "[0,0]",
                                                      "\"__metadata__\":{",
                                                      "\"a\":",
                                                      "\"a\"",
                                                      "\"b\":{\"dtype\":\"F32\",\"shape\":[1],"};

/// Files to begin with: none, one and several tensors, of all types, empty ones, metadata.
std::vector<std::string> makeSeeds() {
  TensorFile none, one, many;
  one.tensors.push_back(makeTensor("a", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  many.metadata = {{"format", "test"}, {"text", "a \"b\"\n\xc3\xa9"}};
  many.tensors.push_back(makeTensor("double", {1, 2}, std::vector<double>{0.1, -2}));
  many.tensors.push_back(makeTensor("scalar", {}, std::vector<int64_t>{int64_t{1} << 60}));
  many.tensors.push_back(makeTensor("empty", {0, 5}, std::vector<float>{}));
  many.tensors.push_back(makeTensor("integers", {3}, std::vector<int32_t>{1, -1, 7}));
  many.tensors.push_back({"flags", TensorType::Bool, {3}, std::vector<std::byte>(3)});
  many.tensors.push_back({"halves", TensorType::F16, {2, 1}, std::vector<std::byte>(4)});
  return {formatTensors(none), formatTensors(one), formatTensors(many)};
}

class Mutator {
public:
  explicit Mutator(uint64_t seed) : engine(seed) {}

  std::string next() {
    std::string bytes = seeds[below(seeds.size())];
    bool keepsLength = below(8) != 0;
    for (size_t edits = 1 + below(4); edits > 0; --edits)
      edit(bytes);
    if (keepsLength && bytes.size() >= 8)
      repairLength(bytes);
    return bytes;
  }

private:
  size_t below(size_t bound) { return bound == 0 ? 0 : engine() % bound; }

  void edit(std::string &bytes) {
    size_t place = below(bytes.size() + 1), length = below(below(4) == 0 ? 60 : 6);
    switch (below(7)) {
    case 0:
      if (place < bytes.size())
        bytes[place] = static_cast<char>(engine());
      return;
    case 1:
      bytes.erase(place, length);
      return;
    case 2:
      bytes.insert(place, kPieces[below(kPieces.size())]);
      return;
    case 3:
      bytes.resize(place);
      return;
    case 4: { // twice the same
      std::string part = bytes.substr(place, length);
      bytes.insert(below(bytes.size() + 1), part);
      return;
    }
    case 5: // a piece in place of another
      bytes.replace(place, std::min(length, bytes.size() - place), kPieces[below(kPieces.size())]);
      return;
    default: { // a number in place of another
      size_t begin = bytes.find_first_of("0123456789", place);
      if (begin == std::string::npos)
        return;
      size_t end = bytes.find_first_not_of("0123456789", begin);
      bytes.replace(begin, std::min(end, bytes.size()) - begin, kPieces[16 + below(15)]);
    }
    }
  }

  /// Most changes shift the end of the header; without this nearly all files would fail there.
  void repairLength(std::string &bytes) {
    size_t end = bytes.rfind('}');
    uint64_t length = end == std::string::npos || end < 8 ? 0 : end + 1 - 8;
    while (8 + length < bytes.size() && bytes[8 + length] == ' ')
      ++length;
    std::memcpy(bytes.data(), &length, sizeof length);
  }

  std::mt19937_64 engine;
  std::vector<std::string> seeds = makeSeeds();
};

[[noreturn]] void fail(const char *what, const std::string &bytes) {
  std::fprintf(stderr, "%s, in these bytes:\n", what);
  std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  std::exit(1);
}

/// True if the file was accepted.
bool check(const std::string &bytes) {
  TensorFile file;
  try {
    file = parseTensors(bytes, "f");
  } catch (const Error &) {
    return false;
  }
  for (const Tensor &tensor : file.tensors) {
    if (static_cast<int64_t>(tensor.data.size()) !=
        tensor.elements() * tensorTypeBytes(tensor.type))
      fail("a tensor is not as large as its shape says", bytes);
    if (toDoubles(tensor).size() != static_cast<size_t>(tensor.elements()))
      fail("a tensor has another number of elements", bytes);
  }
  std::string written = formatTensors(file);
  if (formatTensors(parseTensors(written, "f")) != written)
    fail("what was written is not read back", bytes);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: safetensors_mutate COUNT SEED\n");
    return 2;
  }
  int64_t count = std::atoll(argv[1]), accepted = 0;
  Mutator mutator(static_cast<uint64_t>(std::atoll(argv[2])));
  for (int64_t i = 0; i < count; ++i)
    accepted += check(mutator.next());
  std::printf("%lld files, %lld accepted\n", static_cast<long long>(count),
              static_cast<long long>(accepted));
  // Changes that only ever break a file would test little.
  return accepted > count / 100 ? 0 : 1;
}
