// Changes npz files and the arrays in them by chance, always in the same way for a seed, and checks
// what must hold: an Error, or tensors that are as large as they say and come back from the file
// they make. It is compiled with sanitizers whatever the rest is.
//   npz_mutate COUNT SEED
#include "runtime/error.h"
#include "training/npy.h"
#include "training/npz.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace cellwright;

namespace {

/// Words of headers, and signatures and numbers of zip files.
constexpr std::array<std::string_view, 32> kPieces = {"{",
                                                      "}",
                                                      "(",
                                                      ")",
                                                      ",",
                                                      ":",
                                                      "'",
                                                      "\"",
                                                      " ",
                                                      "\n",
                                                      "0",
                                                      "1",
                                                      "-1",
                                                      "9223372036854775807",
                                                      "18446744073709551616",
                                                      "True",
                                                      "False",
                                                      "'descr'",
                                                      "'shape'",
                                                      "'fortran_order'",
                                                      "'<f4'",
                                                      "'>f8'",
                                                      "'|O'",
                                                      "[('a', '<f4')]",
                                                      "\x93NUMPY",
                                                      "PK\3\4",
                                                      "PK\1\2",
                                                      "PK\5\6",
                                                      "PK\6\6",
                                                      "PK\6\7",
                                                      "\xff\xff\xff\xff",
                                                      "\xff"};

/// Changes bytes by chance.
class Mutator {
public:
  explicit Mutator(uint64_t seed) : engine(seed) {}

  std::string change(std::string bytes) {
    for (size_t edits = 1 + below(3); edits > 0; --edits)
      edit(bytes);
    return bytes;
  }

  size_t below(size_t bound) { return bound == 0 ? 0 : engine() % bound; }

private:
  void edit(std::string &bytes) {
    size_t place = below(bytes.size() + 1), length = below(below(4) == 0 ? 60 : 6);
    std::string_view piece = kPieces[below(kPieces.size())];
    switch (below(6)) {
    case 0:
      if (place < bytes.size())
        bytes[place] = static_cast<char>(engine());
      return;
    case 1:
      bytes.erase(place, length);
      return;
    case 2:
      bytes.insert(place, piece);
      return;
    case 3:
      bytes.replace(place, std::min(piece.size(), bytes.size() - place), piece);
      return;
    case 4: { // a piece in place of a number
      size_t begin = bytes.find_first_of("0123456789", place);
      if (begin != std::string::npos)
        bytes.replace(begin, 1, piece);
      return;
    }
    default:
      if (below(4) == 0)
        bytes.resize(place);
    }
  }

  std::mt19937_64 engine;
};

TensorFile makeSeed() {
  TensorFile file;
  file.tensors.push_back(makeTensor("a", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  file.tensors.push_back(makeTensor("b/c", {}, std::vector<double>{0.1}));
  file.tensors.push_back(makeTensor("empty", {0, 5}, std::vector<int32_t>{}));
  return file;
}

[[noreturn]] void fail(const char *what, const std::string &bytes) {
  std::fprintf(stderr, "%s, in these bytes:\n", what);
  std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  std::exit(1);
}

/// True if the file was accepted.
template <typename Parse> bool check(const std::string &bytes, const Parse &parse) {
  TensorFile file;
  try {
    file = parse(bytes);
  } catch (const Error &) {
    return false;
  }
  for (const Tensor &tensor : file.tensors)
    if (static_cast<int64_t>(tensor.data.size()) !=
        tensor.elements() * tensorTypeBytes(tensor.type))
      fail("a tensor is not as large as its shape says", bytes);
  // Names of members may be any bytes, but libzip writes texts only.
  for (size_t i = 0; i < file.tensors.size(); ++i)
    file.tensors[i].name = std::to_string(i);
  std::string written = formatNpz(file);
  if (formatNpz(parseNpz(written, "f")) != written)
    fail("what was written is not read back", bytes);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: npz_mutate COUNT SEED\n");
    return 2;
  }
  int64_t count = std::atoll(argv[1]), files = 0, arrays = 0;
  Mutator mutator(static_cast<uint64_t>(std::atoll(argv[2])));
  TensorFile seed = makeSeed();
  std::string file = formatNpz(seed);
  for (int64_t i = 0; i < count; ++i) {
    files += check(mutator.change(file), [](const std::string &b) { return parseNpz(b, "f"); });
    // Check sums would catch nearly all changes of an array in a file.
    const Tensor &tensor = seed.tensors[mutator.below(seed.tensors.size())];
    arrays += check(mutator.change(formatNpy(tensor)), [](const std::string &b) {
      TensorFile one;
      one.tensors.push_back(parseNpy("a", b));
      return one;
    });
  }
  std::printf("%lld files and arrays, %lld files and %lld arrays accepted\n",
              static_cast<long long>(count), static_cast<long long>(files),
              static_cast<long long>(arrays));
  // Changes that only ever break a file would test little.
  return files > count / 100 && arrays > count / 100 ? 0 : 1;
}
