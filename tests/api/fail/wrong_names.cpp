// Names of parameters, states and inputs are checked.
#include <cellwright/cell.h>

constexpr auto kCell =
    cellwright::cell<"cell my { input x[I]; state h[H]; h' = tanh(linear(x, h)) }">();
constexpr auto kParam = kCell.param<"W_h_y">();
constexpr auto kState = kCell.state<"cc">();
constexpr auto kInput = kCell.input<"style">();

// expect cell `my` has no parameter `W_h_y`; did you mean `W_h_x`?; it has W_h_x, W_h_h, b_h
// expect cell `my` has no state `cc`; it has h
// expect cell `my` has no input `style`; it has x
