// All problems of a literal are reported together, those of a cell that is not used too.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<R"(
cell other { state s[H]; s' = sigmod(s) }
cell my {
  input x[I]
  state h[H], c[H]
  h' = W @ x
}
)">();

// expect 2:31: unknown function `sigmod`; did you mean `sigmoid`? [unknown-function]
// expect 5:15: state `c` is never assigned; a cell assigns every state exactly once
// [unassigned-state] expect 6:8: unknown name `W` [unknown-name]
