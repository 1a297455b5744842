// A mistake in a literal stops the build.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<R"(
cell my {
  input x[I]
  state h[H]
  h' = tanh(linear(x, hh))
}
)">();

// expect 5:23: unknown name `hh`; did you mean `h`? [unknown-name]
