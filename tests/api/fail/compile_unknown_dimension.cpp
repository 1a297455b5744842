// The names of dimensions in a call of `compile` are checked when the literal's program is
// compiled.
#include <cellwright/cell.h>
#include <cellwright/compile.h>

constexpr auto kCell = cellwright::cell<"cell my { state hidden[H]; hidden' = tanh(hidden) }">();

void run() { cellwright::compile(kCell, {{"hidden", 8}}); }

// expect cellHasNoDimension
