// Names of parameters are checked.
#include <cellwright/cell.h>

constexpr auto kCell =
    cellwright::cell<"cell my { input x[I]; state h[H]; h' = tanh(linear(x, h)) }">();
constexpr auto kParam = kCell.param<"W_h_y">();

// expect cell `my` has no parameter `W_h_y`; did you mean `W_h_x`?; it has W_h_x, W_h_h, b_h
