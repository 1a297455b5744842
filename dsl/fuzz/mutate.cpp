// A fuzzer for everyday use: takes cell files, changes them by chance, always in the same way for a
// seed, and checks what must hold.
//   dsl_mutate COUNT SEED FILE...
#include "dsl/fuzz/fuzz_input.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr size_t kMaxBytes = 500;
constexpr double kMaxSeconds = 1;

constexpr std::array<std::string_view, 64> kPieces = {"cell ",
                                                      "from ",
                                                      "input ",
                                                      "state ",
                                                      "param ",
                                                      "init ",
                                                      "output ",
                                                      "require ",
                                                      "fn ",
                                                      "repeat ",
                                                      "option ",
                                                      "import ",
                                                      " in ",
                                                      "..",
                                                      "frozen",
                                                      "per sequence",
                                                      "linear(",
                                                      "concat(",
                                                      "size(",
                                                      "tanh(",
                                                      "where(",
                                                      "> 0, ",
                                                      "dropout(",
                                                      "zoneout(",
                                                      "layer_norm(",
                                                      "sum(",
                                                      "dot(",
                                                      "eps = ",
                                                      "bias = false",
                                                      "[H]",
                                                      "[0:H]",
                                                      "[H:2 * H]",
                                                      "[2, H]",
                                                      "[H / 2]",
                                                      ".T",
                                                      "'",
                                                      "@",
                                                      "^",
                                                      "-",
                                                      "+",
                                                      "*",
                                                      "/",
                                                      "~ ",
                                                      "== ",
                                                      "(",
                                                      ")",
                                                      "{",
                                                      "}",
                                                      "[",
                                                      "]",
                                                      ",",
                                                      ";",
                                                      "\n",
                                                      "# ",
                                                      "\"",
                                                      "x",
                                                      "h",
                                                      "H",
                                                      "2",
                                                      "0.5",
                                                      "1e9",
                                                      "99999999999999999999",
                                                      "\xC3\xA9",
                                                      "\r"};

class Mutator {
public:
  Mutator(std::vector<std::string> seeds, uint64_t seed) : seeds(std::move(seeds)), random(seed) {}

  std::string make() {
    std::string text = pickPart();
    for (size_t i = 1 + pick(4); i > 0; --i)
      change(text);
    return text;
  }

private:
  std::vector<std::string> seeds;
  std::mt19937_64 random;

  size_t pick(size_t count) { return count == 0 ? 0 : random() % count; }

  /// A seed, or a part of a long one that begins at a line.
  std::string pickPart() {
    const std::string &seed = seeds[pick(seeds.size())];
    if (seed.size() <= kMaxBytes)
      return seed;
    size_t begin = seed.rfind('\n', pick(seed.size() - kMaxBytes));
    return seed.substr(begin == std::string::npos ? 0 : begin + 1, kMaxBytes);
  }

  void change(std::string &text) {
    size_t at = pick(text.size() + 1);
    size_t length = std::min(pick(12), text.size() - at);
    switch (pick(9)) {
    case 0:
      text.erase(at, 1 + length);
      break;
    case 1:
      text.insert(at, 1, static_cast<char>(random()));
      break;
    case 2:
      text.insert(at, kPieces[pick(kPieces.size())]);
      break;
    case 3:
      text.replace(at, length, kPieces[pick(kPieces.size())]);
      break;
    case 4:
      text.insert(pick(text.size() + 1), text.substr(at, length));
      break;
    case 5:
      moveLine(text);
      break;
    case 6:
      if (at < text.size())
        text[at] = static_cast<char>(text[at] ^ (1 << pick(8)));
      break;
    case 7:
      replaceName(text);
      break;
    default:
      text.insert(at, pickPart().substr(0, 1 + pick(80)));
      break;
    }
  }

  /// Copies or moves a line to another place.
  void moveLine(std::string &text) {
    size_t begin = text.rfind('\n', pick(text.size() + 1));
    begin = begin == std::string::npos ? 0 : begin + 1;
    size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin) + "\n";
    if (pick(2) == 0)
      text.erase(begin, line.size());
    size_t place = text.find('\n', pick(text.size() + 1));
    text.insert(place == std::string::npos ? text.size() : place + 1, line);
  }

  /// Puts one word of the text in the place of another.
  void replaceName(std::string &text) {
    auto isLetter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    auto wordAt = [&](size_t at) {
      size_t begin = at;
      while (begin > 0 && isLetter(text[begin - 1]))
        --begin;
      size_t end = at;
      while (end < text.size() && isLetter(text[end]))
        ++end;
      return std::pair(begin, end - begin);
    };
    if (text.empty())
      return;
    auto [from, fromLength] = wordAt(pick(text.size()));
    std::string word = text.substr(from, fromLength);
    auto [to, toLength] = wordAt(pick(text.size()));
    text.replace(to, toLength, word);
  }
};

} // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: dsl_mutate COUNT SEED FILE...\n");
    return 2;
  }
  std::vector<std::string> seeds;
  for (int i = 3; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    seeds.push_back(text.str());
  }
  long count = std::atol(argv[1]);
  Mutator mutator(std::move(seeds), std::strtoull(argv[2], nullptr, 10));
  for (long i = 0; i < count; ++i) {
    std::string input = mutator.make();
    auto begin = std::chrono::steady_clock::now();
    cellwright::fuzzInput(input);
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (seconds > kMaxSeconds) {
      std::fprintf(stderr, "%.2f s for input %ld:\n%s\n", seconds, i, input.c_str());
      return 1;
    }
  }
  std::printf("%ld inputs\n", count);
  return 0;
}
