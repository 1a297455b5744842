// A literal has a cell.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"# cell my { state h[H]; h' = sin(h) }">();

// expect the literal defines no cell [unknown-cell]
