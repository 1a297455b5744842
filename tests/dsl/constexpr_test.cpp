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

// A cell of 30 lines that uses most of the language, as a user's program may hold it. It takes
// clang two thirds of the steps that its default limit allows.
constexpr std::string_view kEverything = R"(
fn swish(v, k) = v * sigmoid(k * v)
fn squash(v) = swish(v, 2)
cell everything {
  option k = 2, root = size(h) ^ -0.5
  input x[I], u[2 * K]
  input style[S] per sequence
  state h[H], c[H + 1]
  param W[H, H] ~ uniform(-root, root), A[H, H] ~ identity(0.5) frozen
  param v[H], s = 0.1
  require k != 0 "k is an exponent"
  require M == 2 * S
  fn mix(a, b) = a * s + b * v
  skew = W - W.T - -A
  m[M] = linear(x, u, style)
  e = skew @ h * size(h) ^ -0.5 + squash(linear(m, c, bias = false))
  y = mix(-e ^ 2 / (1 + e ^ (k - 1)), dropout(h, 0.25, per = sequence))
  repeat l in 1..k {
    param gain[H] = l
    z = y + gain * rms_norm(linear(y, h, sum(x) * h), eps = 1e-3 * l)
    y = where(z - l > 0, min(z, 3), max(z, -3))
    init b_z = 0.5
  }
  c' = concat(zoneout(y, h, 0.1)[0:H - 1], x[0:1], x[1:2])
  h' = (y + c'[0:H]) * 0.5
  output out[H + 1] = c' * norm2(softmax(cumsum(c)))
  init W_m_x ~ normal(0, root)
}
)";

constexpr Outcome kEverythingOutcome = checkNow(kEverything);
static_assert(kEverythingOutcome.problems == 0);
static_assert(kEverythingOutcome.cells == 1);
static_assert(kEverythingOutcome.params == 20);

// A space: every alternative is checked.
constexpr Outcome kSpace = checkNow(R"(
fn gate(a, b) = choose(sigmoid, hard_sigmoid)(linear(a, b))
cell space {
  input x[I]
  state h[H]
  z = gate(x, h)
  choose candidate { n = tanh(linear(x, z * h)) | 0.5: n = choose { z | linear(h) } }
  h' = z * h + (1 - z) * n
}
)");
static_assert(kSpace.problems == 0);
static_assert(kSpace.cells == 1);
static_assert(kSpace.params == 6);

constexpr Outcome kMistake = checkNow("cell a {\n  state h[H]\n  h' = sigmod(h)\n}\n");
static_assert(kMistake.problems == 1);
static_assert(kMistake.firstId == Id::UnknownFunction);
static_assert(kMistake.firstPlace == 29);

constexpr Outcome kMistakeInSpace =
    checkNow("cell a {\n  state h[H]\n  h' = choose { h | choose(tanh, sigmod)(h) }\n}\n");
static_assert(kMistakeInSpace.problems == 1);
static_assert(kMistakeInSpace.firstId == Id::UnknownFunction);
static_assert(kMistakeInSpace.firstPlace == 55);

} // namespace

} // namespace cellwright::test
