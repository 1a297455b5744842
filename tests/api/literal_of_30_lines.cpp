// A cell of 30 lines that uses most of the language: what a check costs while a program is
// compiled.
#include <cellwright/cell.h>

namespace cellwright::test {

constexpr auto kEverything = cell<R"(
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
)">();

static_assert(kEverything.params().size() == 20);
static_assert(kEverything.info().options.size() == 2 && kEverything.info().options[1] == "root");
static_assert(kEverything.input<"style">().isPerSequence &&
              !kEverything.input<"x">().isPerSequence);
static_assert(kEverything.param<"A">().isFrozen && !kEverything.param<"W">().isFrozen);
static_assert(kEverything.param<"s">().shape.text == "[]");
static_assert(kEverything.param<"s">().elements({}) == 1);
static_assert(kEverything.state<"c">().shape.text == "[H + 1]");
static_assert(kEverything.state<"c">().elements({.H = 7}) == 8);
static_assert(kEverything.input<"u">().elements({.K = 3}) == 6);
static_assert(kEverything.output().name == "out");
static_assert(kEverything.output().elements({.H = 7}) == 8);
// M is 2 * S by the `require`.
static_assert(kEverything.param<"W_m_style">().shape.text == "[2 * S, S]");
static_assert(kEverything.param<"W_m_style">().elements({.S = 3}) == 18);

} // namespace cellwright::test
