// Inputs that are meant to hurt: each is checked in a process of its own, in less than a second and
// 256 MB, and ends with diagnostics or with a good cell.
#include "support.h"

#include "dsl/draw.h"
#include "dsl/format.h"
#include "dsl/latex.h"
#include "dsl/print.h"

#include <functional>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>

namespace cellwright::test {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

constexpr double kMaxSeconds = 1;
constexpr long kMaxKilobytes = 256 * 1024;

std::string repeat(const std::string &text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += text;
  return all;
}

/// Joins what `line` gives for 0, 1, ..., count - 1.
std::string lines(int count, const std::function<std::string(const std::string &)> &line) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += line(std::to_string(i)) + "\n";
  return all;
}

std::string next(const std::string &number) { return std::to_string(std::stoi(number) + 1); }

/// `h' = h` plus what `term` gives for 0, 1, ..., count - 1.
std::string sum(int count, const std::function<std::string(const std::string &)> &term) {
  std::string all = "h' = h";
  for (int i = 0; i < count; ++i)
    all += " +\n" + term(std::to_string(i));
  return all;
}

/// Parts of names that take the state `from` of a 32-bit FNV-1a to the state `to`, found by meeting
/// in the middle.
std::vector<std::string> collidingParts(uint32_t from, uint32_t to, size_t count) {
  constexpr uint32_t kPrime = 16777619;
  constexpr uint32_t kInverse = 899433627; // of the prime, modulo 2^32
  static_assert(kPrime * kInverse == 1);
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::unordered_map<uint32_t, std::string> heads;
  for (char a : letters)
    for (char b : letters)
      for (char c : letters) {
        uint32_t state = from;
        for (char character : {a, b, c})
          state = (state ^ static_cast<unsigned char>(character)) * kPrime;
        heads[state] = {a, b, c};
      }
  std::vector<std::string> parts;
  for (char a : letters)
    for (char b : letters)
      for (char c : letters)
        for (char d : letters) {
          uint32_t state = to;
          for (char character : {d, c, b, a})
            state = (state * kInverse) ^ static_cast<unsigned char>(character);
          if (auto head = heads.find(state); head != heads.end())
            parts.push_back(head->second + std::string{a, b, c, d});
          if (parts.size() == count)
            return parts;
        }
  return parts;
}

/// A cell of many statements whose names have the same 32-bit FNV-1a, a common hash of names.
std::string collidingNames() {
  std::string all = "h' = h\n";
  std::vector<std::string> tails = collidingParts(7, 8, 150);
  for (const std::string &head : collidingParts(2166136261u, 7, 300))
    for (const std::string &tail : tails)
      all += head + tail + "=h\n";
  return cellWith(all);
}

struct Load {
  std::string name;
  std::string text;
};

std::string randomBytes(int count) {
  std::mt19937 random(1);
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes += static_cast<char>(random());
  return bytes;
}

std::vector<Load> loads() {
  std::string h = "\nh' = h";
  std::vector<Load> all = {
      {"one name", std::string(1'000'000, 'a')},
      {"open parentheses", std::string(1'000'000, '(')},
      {"open braces", std::string(1'000'000, '{')},
      {"closing braces", std::string(1'000'000, '}')},
      {"zero bytes", std::string(1'000'000, '\0')},
      {"random bytes", randomBytes(1'000'000)},
      {"carriage returns", std::string(1'000'000, '\r')},
      {"line ends", std::string(1'000'000, '\n')},
      {"digits", std::string(1'000'000, '1')},
      {"quotes", std::string(1'000'000, '"')},
      {"dollars", repeat("$ ", 500'000)},
      {"dollar lines", repeat("$\n", 500'000)},
      {"large numbers", repeat("1e300 ", 160'000)},
      {"file statements", repeat("a=\n", 300'000)},
      {"open cells", repeat("cell a {\n", 100'000)},
      {"one long name in a message", "cell " + std::string(900'000, 'a') + " { x = b }"},
      {"parentheses in a cell", cellWith("h' = " + std::string(900'000, '('))},
      {"minuses", cellWith("h' = " + std::string(900'000, '-') + "h")},
      {"slices", cellWith("h' = h" + repeat("[0:H]", 190'000))},
      {"open slices", cellWith("h' = h" + repeat("[0:", 300'000))},
      {"statement errors", "cell a {\n" + repeat("x y z\n", 160'000) + "}"},
      {"open brackets in statements", cellWith(repeat("v = (\n", 150'000) + h)},
      {"a long sum", cellWith("h' = h" + repeat(" + h", 100'000))},
      {"a longer sum", cellWith("h' = h" + repeat("+h", 480'000))},
      {"statements", cellWith(lines(50'000, [](auto i) { return "v" + i + " = h"; }) + h)},
      {"a chain of statements",
       cellWith("v0 = h\n" +
                lines(40'000, [](auto i) { return "v" + next(i) + "=v" + i + "*v" + i; }) +
                "h' = v40000")},
      {"unknown names", cellWith(lines(50'000, [](auto i) { return "v" + i + " = q" + i; }) + h)},
      {"unknown names in a sum", cellWith(sum(50'000, [](auto i) { return "q" + i; }))},
      {"unknown functions", cellWith(sum(40'000, [](auto i) { return "q" + i + "(h)"; }))},
      {"a name assigned often", cellWith(repeat("v=h\n", 200'000) + h)},
      {"outputs", cellWith(lines(60'000, [](auto i) { return "output y" + i + "=h"; }) + h)},
      {"inits", cellWith(lines(60'000, [](auto i) { return "init v" + i + "=1"; }) + h)},
      {"arguments", cellWith("h' = tanh(x" + repeat(",x", 300'000) + ")")},
      {"operands of concat", cellWith("h' = concat(x" + repeat(",x", 300'000) + ")")},
      {"operands of linear", cellWith("h' = linear(x*x" + repeat(",x*x", 150'000) + ")")},
      {"parameters of a function", "fn f(a" + repeat(",a", 300'000) + ") = a"},
      {"functions that double operations",
       "fn f0(a)=a+a\n" +
           lines(100, [](auto i) { return "fn f" + next(i) + "(a)=f" + i + "(a)+f" + i + "(a)"; }) +
           cellWith("h' = f100(h)")},
      {"functions that double calls",
       "fn f0(a)=a\n" +
           lines(100, [](auto i) { return "fn f" + next(i) + "(a)=f" + i + "(f" + i + "(a))"; }) +
           cellWith("h' = f100(h)")},
      {"a chain of functions",
       "fn f0(a)=a\n" +
           lines(30'000, [](auto i) { return "fn f" + next(i) + "(a)=f" + i + "(a)"; }) +
           cellWith("h' = f30000(h)")},
      {"a cycle of functions",
       lines(30'000,
             [](auto i) { return "fn f" + i + "(a)=f" + (i == "29999" ? "0" : next(i)) + "(a)"; }) +
           cellWith("h' = f3(h)")},
      {"a huge repeat", cellWith("y=h\nrepeat l in 1..2147483647 { y = y + h }\nh'=y")},
      {"a long repeat of many statements",
       cellWith("y=h\nrepeat l in 1..9999 { " +
                lines(50'000, [](auto i) { return "z" + i + "=y"; }) + "}\nh'=y")},
      {"nested repeats",
       cellWith("y=h\n" + lines(199, [](auto i) { return "repeat l" + i + " in 1..10000 {"; }) +
                "y=y+h" + std::string(199, '}') + "\nh'=y")},
      {"nested small repeats",
       cellWith("y=h\n" + lines(199, [](auto i) { return "repeat l" + i + " in 1..2 {"; }) +
                "y=y+h" + std::string(199, '}') + "\nh'=y")},
      {"many cells", lines(30'000, [](auto i) { return "cell c" + i + "{state h[H];h'=h*h}"; })},
      {"a chain of derivations",
       "cell c0 {state h[H];h'=h}\n" +
           lines(30'000, [](auto i) { return "cell c" + next(i) + " from c" + i + " {}"; })},
      {"a cycle of derivations", lines(30'000,
                                       [](auto i) {
                                         return "cell c" + i + " from c" +
                                                (i == "29999" ? "0" : next(i)) + " {}";
                                       })},
      {"many children of a large cell",
       "cell c0 {state h[H]\n" + lines(20'000, [](auto i) { return "v" + i + "=h*h"; }) +
           "h'=v0}\n" + lines(20'000, [](auto i) { return "cell d" + i + " from c0 {}"; })},
      {"repeats and reads in a derived cell",
       "cell a{state h[H]\ny=h\n" +
           lines(9'000, [](auto i) { return "repeat l" + i + " in 1..1 {y=y*h}"; }) +
           "h'=y}\ncell b from a {\n" + lines(20'000, [](auto i) { return "q" + i + "=y"; }) +
           "q=q1}"},
      {"a huge size", cellWith("m[" + std::string(1000, '9') + "] = linear(x)\nh' = h")},
      {"many sizes",
       cellWith(lines(40'000, [](auto i) { return "param p" + i + "[A" + i + "+B" + i + "]"; }) +
                h)},
      {"a size of many terms",
       cellWith("param p[A" + lines(60'000, [](auto i) { return "+A" + i; }) + "]" + h)},
      {"a size of many factors", cellWith("param p[A" + repeat("*A", 200'000) + "]" + h)},
      {"a product of sums",
       cellWith("param p[1" + lines(1'000, [](auto i) { return "*(A" + i + "+B" + i + ")"; }) +
                "]" + h)},
      {"a continued fraction",
       cellWith("param p[1" + repeat("/(1+1", 190) + "+A" + std::string(190, ')') + "]" + h)},
      {"a chain of requires", cellWith(lines(15'000,
                                             [](auto i) {
                                               return "param p" + i + "[K" + i + "]\nrequire K" +
                                                      next(i) + "==K" + i + "+1";
                                             }) +
                                       "param p15000[K15000]" + h)},
      {"a chain of requires backwards", cellWith(lines(15'000,
                                                       [](auto i) {
                                                         return "param p" + i + "[K" + i +
                                                                "]\nrequire K" + i + "==K" +
                                                                next(i) + "+1";
                                                       }) +
                                                 "param p15000[K15000]" + h)},
      {"nested quotients", cellWith(lines(15'000,
                                          [](auto i) {
                                            return "param p" + i + "[K" + i + "]\nrequire K" +
                                                   next(i) + "==K" + i + "/(K" + i + "+1)";
                                          }) +
                                    "param p15000[K15000]" + h)},
      {"many linears", cellWith(lines(45'000, [](auto i) { return "v" + i + "=linear(x)"; }) + h)},
      {"a chain of linears of open size",
       cellWith("v0=linear(x)\n" +
                lines(30'000, [](auto i) { return "v" + next(i) + "=linear(v" + i + ")"; }) +
                "h'=h+v30000")},
      {"sizes solved backwards",
       cellWith(lines(12'000, [](auto i) { return "v" + i + "=linear(x)"; }) +
                lines(11'999,
                      [](auto i) {
                        int k = 11'999 - std::stoi(i);
                        return "w" + std::to_string(k) + "=v" + std::to_string(k) + "+concat(v" +
                               std::to_string(k - 1) + ",x)";
                      }) +
                "h'=h+sum(w1)")},
      {"many open dimensions",
       cellWith(sum(35'000, [](auto i) { return "sum(h[D" + i + ":E" + i + "])"; }))},
      {"a chain of options",
       cellWith(lines(40'000, [](auto i) { return "option o" + i + "=o" + next(i); }) +
                "option o40000=1" + h)},
      {"names that collide", collidingNames()},
      {"missing imports", lines(30'000, [](auto i) { return "import \"x" + i + ".cell\""; })},
  };
  for (Load &load : all)
    load.text.resize(std::min<size_t>(load.text.size(), 1'000'000));
  return all;
}

/// Cells that are large and good: what prints and draws them must be quick too.
std::vector<Load> largeCells() {
  std::string h = "\nh' = h";
  auto all = [](int count, const std::string &prefix) {
    return sum(count, [&](auto i) { return prefix + i; });
  };
  return {
      {"a long sum", cellWith("h' = h" + repeat("+h", 190'000))},
      {"a chain of statements",
       cellWith("v0 = h\n" +
                lines(40'000, [](auto i) { return "v" + next(i) + "=v" + i + "*v" + i; }) +
                "h' = v40000")},
      {"a derived chain",
       cellWith("v0 = h\n" +
                lines(35'000, [](auto i) { return "v" + next(i) + "=v" + i + "*v" + i; }) +
                "h' = v35000") +
           "cell b from a { v1 = h }"},
      {"functions", lines(20'000, [](auto i) { return "fn f" + i + "(a)=a*a"; }) +
                        cellWith(lines(19'999, [](auto i) { return "v" + i + "=f" + i + "(h)"; }) +
                                 all(2'000, "v"))},
      {"functions that double their text",
       "fn f0(a)=a*a\n" +
           lines(14, [](auto i) { return "fn f" + next(i) + "(a)=f" + i + "(f" + i + "(a))"; }) +
           cellWith("h' = f14(h)")},
      {"operands of linear",
       "cell a {\nstate h[H]\ninput " + lines(30'000, [](auto i) { return "x" + i + "[I],"; }) +
           "y[I]\nh' = linear(h" + lines(30'000, [](auto i) { return ",x" + i; }) + ")\n}"},
      {"parameters", cellWith("param " + lines(30'001, [](auto i) { return "p" + i + "[H],"; }) +
                              "s\n" + all(30'000, "p"))},
      {"slices", cellWith("h' = h" + repeat("[0:H]", 180'000))},
      {"fractions", cellWith("h' = h" + repeat("/h", 190'000))},
      {"nested calls", cellWith("h' = " + repeat("tanh(", 198) + "h" + std::string(198, ')'))},
      {"micro-steps", cellWith("y = h\nrepeat l in 1..10000 { y = tanh(linear(y)) }\nh' = y")},
      {"inits",
       cellWith(lines(20'000, [](auto i) { return "v" + i + "=linear(x)\ninit b_v" + i + "=1"; }) +
                all(20'000, "v"))},
      {"comments", cellWith("h' = h" + repeat(" + # c\n h", 90'000))},
      {"a drawing of long edges",
       cellWith("v0 = h\n" +
                lines(400, [](auto i) { return "v" + next(i) + "=tanh(v" + i + ")"; }) +
                "u = tanh(v400)\n" + all(12, "v") + " + u")},
  };
}

/// Runs something in a process of its own; it must be done, with exit status 0, within the limits.
template <class Work> void checkLimits(Work work) {
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0)
    _exit(work() ? 0 : 1);
  int status = 0;
  struct rusage usage = {};
  REQUIRE(wait4(child, &status, 0, &usage) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  double seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
                   1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  if (kIsSanitized)
    return;
  CHECK(seconds < kMaxSeconds);
  CHECK(usage.ru_maxrss < kMaxKilobytes);
}

} // namespace

TEST_CASE("the worst inputs take less than a second and 256 MB") {
  for (const Load &load : loads()) {
    CAPTURE(load.name);
    checkLimits([&] {
      Frontend frontend;
      frontend.addText("test.cell", load.text);
      frontend.checkAll();
      bool isSilent = frontend.renderProblems().empty();
      return !(isSilent && frontend.hasErrors());
    });
  }
}

TEST_CASE("the worst inputs are formatted or refused in less than a second and 256 MB") {
  for (const Load &load : loads()) {
    CAPTURE(load.name);
    checkLimits([&] {
      Diagnostics problems;
      return formatText(load.text, 0, problems).has_value() != problems.hasErrors();
    });
  }
}

TEST_CASE("large cells are printed, formatted and drawn in less than a second and 256 MB each") {
  using Show = size_t (*)(const Program &, const CheckedCell &);
  const std::pair<const char *, Show> shows[] = {
      {"text", [](const Program &program,
                  const CheckedCell &checked) { return printCell(program, checked).size(); }},
      {"latex", [](const Program &program,
                   const CheckedCell &checked) { return writeLatex(program, checked).size(); }},
      {"dot",
       [](const Program &, const CheckedCell &checked) { return writeDot(checked.cell).size(); }},
      {"svg",
       [](const Program &, const CheckedCell &checked) { return writeSvg(checked.cell).size(); }},
  };
  for (const Load &load : largeCells())
    for (auto [name, show] : shows) {
      CAPTURE(load.name);
      CAPTURE(std::string(name));
      checkLimits([&, show = show] {
        Frontend frontend(Frontend::Library::Never);
        frontend.addText("test.cell", load.text);
        frontend.checkAll();
        auto last = static_cast<CellId>(frontend.program().cells.size()) - 1;
        CheckedCell checked = frontend.check(last);
        return checked.isGood && show(frontend.program(), checked) > 0;
      });
    }
}

} // namespace cellwright::test
