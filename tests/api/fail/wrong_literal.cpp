// A mistake in a literal stops the build.
#include <cellwright/cell.h>

constexpr auto kName = cellwright::cell<R"(
cell my {
  input x[I]
  state h[H]
  h' = tanh(linear(x, hh))
}
)">();
constexpr auto kShape = cellwright::cell<"cell my { input x[I]; state h[H]; h' = h + x }">();

// expect 5:23: unknown name `hh`; did you mean `h`? [unknown-name]
// expect 1:42: `+` has operands of shape [H] and [I]
