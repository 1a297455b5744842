// The cell that is asked for must be there.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell elman { state h[H]; h' = sin(h) }", "elmann">();

// expect the literal defines no cell `elmann`; did you mean `elman`? [unknown-cell]
