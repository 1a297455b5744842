// Calls of the compiler of kernels: names of dimensions and parameters, and the type of numbers.
#include <cellwright/cell.h>
#include <cellwright/compile.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(linear(h)) }">();

void nameDimension() { cellwright::compile(kCell, {{"hidden", 8}}); }
void nameParam() { cellwright::compile(kCell, {.H = 8}).param<"W_h">(); }
void chooseType() { cellwright::compile<int>(kCell, {.H = 8}); }

// expect cellHasNoDimension
// expect cell `my` has no parameter `W_h`; did you mean `b_h`?; it has W_h_h, b_h
// expect kernels compute in float or double
