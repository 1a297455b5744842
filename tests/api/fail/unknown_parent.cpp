// Parents are cells of the literal or shipped ones.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my from lstn { f = 0.5 }">();

// expect 1:14: unknown cell `lstn` [unknown-cell]
