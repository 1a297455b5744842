// The whole front end while this file is compiled, by every supported compiler and within its
// default limits.
#include "dsl/checker.h"

namespace cellwright::test {

namespace {

struct Outcome {
  int problems = 0;
  int cells = 0;
  int params = 0;
  Id firstId = Id::Unused;
  uint32_t firstPlace = 0;
};

constexpr Outcome checkNow(std::string_view text) {
  Program program;
  Outcome outcome;
  for (const CheckedCell &checked : checkText(program, text, "literal")) {
    outcome.cells += checked.isGood;
    outcome.params += static_cast<int>(checked.cell.params.size());
  }
  outcome.problems = static_cast<int>(program.diagnostics.all().size());
  if (outcome.problems > 0) {
    outcome.firstId = program.diagnostics.all()[0].id;
    outcome.firstPlace = program.diagnostics.all()[0].loc.begin;
  }
  return outcome;
}

constexpr std::string_view kCells = R"(
# Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000. Deviations: none.
cell lstm {
  input  x[I]
  state  h[H], c[H]
  i  = sigmoid(linear(x, h))
  f  = sigmoid(linear(x, h))
  g  = tanh(linear(x, h))
  o  = sigmoid(linear(x, h))
  c' = f * c + i * g
  h' = o * tanh(c')
  init b_f = 1
}

cell lstm_cifg from lstm { f = 1 - i }          # Greff et al. 2015: a variant is an edit

cell mut1 {                                      # Jozefowicz et al. 2015, as printed
  input x[I]
  state h[H]
  option scale = 0.5 ^ 2
  require I == H "MUT1 adds tanh(x) to a hidden-size vector: embed the input to H"
  z  = sigmoid(linear(x))
  r  = sigmoid(linear(x, h))
  n  = tanh(linear(r * h) + tanh(x) * scale)
  h' = n * z + h * (1 - z)
}
)";

constexpr Outcome kOutcome = checkNow(kCells);
static_assert(kOutcome.problems == 0);
static_assert(kOutcome.cells == 3);
static_assert(kOutcome.params == 12 + 9 + 7);

constexpr Outcome kMistake = checkNow("cell a {\n  state h[H]\n  h' = sigmod(h)\n}\n");
static_assert(kMistake.problems == 1);
static_assert(kMistake.firstId == Id::UnknownFunction);
static_assert(kMistake.firstPlace == 29);

} // namespace

} // namespace cellwright::test
