// Shapes are checked too.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<R"(cell my { input x[I]; state h[H]; h' = h + x })">();

// expect 1:42: `+` has operands of shape [H] and [I]
