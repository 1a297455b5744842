// No file is read while a program is compiled.
#include <cellwright/cell.h>

constexpr auto kCell = cellwright::cell<R"(
import "parts.cell"
cell my { state h[H]; h' = sin(h) }
)">();

// expect 2:8: no file is read while a program is compiled; write what this one defines into the
// literal
