// Cells in string literals: what holds while this file is compiled, in every supported compiler and
// within its default limits.
#include <cellwright/cell.h>

namespace cellwright::test {

constexpr auto kElman = cell<R"(cell my { input x[I]; state h[H]; h' = tanh(linear(x, h)) })">();

static_assert(kElman.name() == "my");
static_assert(kElman.states().size() == 1);
static_assert(kElman.inputs().size() == 1 && kElman.inputs()[0].name == "x");
static_assert(kElman.params().size() == 3 && kElman.params()[2].name == "b_h");
static_assert(kElman.dimensions().size() == 2 && kElman.dimensions()[1] == "H");
static_assert(kElman.output().name == "h" && kElman.output().shape.text == "[H]");
static_assert(kElman.warnings().empty());

static_assert(kElman.param<"W_h_x">().shape.text == "[H, I]");
static_assert(kElman.param<"W_h_x">().shape.rank == 2);
static_assert(kElman.param<"W_h_x">().shape.rows.text == "H");
static_assert(kElman.param<"W_h_x">().elements({.H = 128, .I = 65}) == 128 * 65);
static_assert(kElman.param<"W_h_x">().elements({{"I", 65}, {"H", 128}}) == 128 * 65);
static_assert(kElman.input<"x">().elements({.I = 65}) == 65);
static_assert(kElman.state<"h">().elements({.H = 128}) == 128);

/// A quotient that does not cancel.
constexpr auto kQuotient = cell<"cell q { state h[6 * (H + 1) / (K + 1)]; h' = tanh(h) }">();
static_assert(kQuotient.state<"h">().elements({.H = 3, .K = 5}) == 4);

/// Parents may be shipped cells, or cells of the literal.
constexpr auto kVariant = cell<"cell mine from lstm { f = 1 - i }">();
static_assert(kVariant.states().size() == 2 && kVariant.params().size() == 9);
constexpr auto kGrandchild = cell<"cell mine from jozefowicz_lstm_f { h' = o * c' }">();
static_assert(kGrandchild.name() == "mine");

/// Of several cells the last one is meant, or the one that is named.
inline constexpr char kTwo[] =
    "cell a { state h[H]; h' = sin(h) } cell b { state s[H]; s' = cos(s) }";
static_assert(cell<kTwo>().name() == "b");
static_assert(cell<kTwo, "a">().states()[0].name == "h");

/// What is not used is a warning.
constexpr auto kUnused = cell<"cell a { state h[H]; unused = 2 * h; h' = sin(h) }">();
static_assert(kUnused.warnings().size() == 1);
static_assert(
    kUnused.warnings()[0].starts_with("literal:1:22: warning: value `unused` is not used"));

/// More parameters and longer names than most cells have.
constexpr auto kLarge = cell<R"(cell large {
  state a_state_with_a_long_name_that_parameters_repeat[H]
  y = a_state_with_a_long_name_that_parameters_repeat
  repeat step_of_many in 1..11 {
    y = tanh(linear(y, a_state_with_a_long_name_that_parameters_repeat))
  }
  a_state_with_a_long_name_that_parameters_repeat' = y
})">();
static_assert(kLarge.params().size() == 33);
static_assert(kLarge.params()[32].name == "b_y_11");

} // namespace cellwright::test
