// Numbers of elements need numbers of all dimensions, and of no other, that give a size.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H / 2]; h' = tanh(h) }">();
constexpr auto kMissing = kCell.state<"h">().elements({});
constexpr auto kUnknown = kCell.state<"h">().elements({{"H", 8}, {"K", 2}});
constexpr auto kInexact = kCell.state<"h">().elements({.H = 7});

// expect dimensionHasNoNumber
// expect cellHasNoDimension
// expect sizeIsNoPositiveInteger
