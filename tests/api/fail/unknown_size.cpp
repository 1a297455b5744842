// Only dimensions of the cell have numbers.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(h) }">();
constexpr auto kElements = kCell.state<"h">().elements({{"H", 8}, {"K", 2}});

// expect cellHasNoDimension
