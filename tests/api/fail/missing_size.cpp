// Numbers of elements need numbers of all dimensions.
#include <cellwright/cell.h>

constexpr auto kCell =
    cellwright::cell<"cell my { input x[I]; state h[H]; h' = tanh(linear(x, h)) }">();
constexpr auto kElements = kCell.param<"W_h_x">().elements({.H = 8});

// expect dimensionHasNoNumber
