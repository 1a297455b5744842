// Sizes come out as positive integers.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H / 2]; h' = tanh(h) }">();
constexpr auto kElements = kCell.state<"h">().elements({.H = 7});

// expect sizeIsNoPositiveInteger
