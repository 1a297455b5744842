// Names of inputs are checked.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(h) }">();
constexpr auto kInput = kCell.input<"x">();

// expect cell `my` has no input `x`
