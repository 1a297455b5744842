// Names of states are checked.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(h) }">();
constexpr auto kState = kCell.state<"cc">();

// expect cell `my` has no state `cc`; it has h
