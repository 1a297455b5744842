// So are names of a compiled literal that are template arguments.
#include <cellwright/cell.h>
#include <cellwright/compile.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(linear(h)) }">();

void run() { cellwright::compile(kCell, {.H = 8}).param<"W_h">(); }

// expect cell `my` has no parameter `W_h`; did you mean `b_h`?; it has W_h_h, b_h
