// Kernels compute in float or double.
#include <cellwright/cell.h>
#include <cellwright/compile.h>

constexpr auto kCell = cellwright::cell<"cell my { state h[H]; h' = tanh(linear(h)) }">();

void run() { cellwright::compile<int>(kCell, {.H = 8}); }

// expect kernels compute in float or double
