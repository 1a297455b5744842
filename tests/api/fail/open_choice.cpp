// A literal is one cell: a space of cells has to say which.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<R"(
cell my {
  input x[H]
  state h[H]
  h' = choose { x + h | x }
}
)">();

// expect 5:8: choice `h` is open; a literal is one cell: write an alternative in the place of `h`
