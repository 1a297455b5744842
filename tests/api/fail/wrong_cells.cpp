// A literal has a cell, that of the name which is asked for; parents are its own or shipped cells;
// it imports nothing.
#include <cellwright/cell.h>

constexpr auto kNone = cellwright::cell<"# cell my { state h[H]; h' = sin(h) }">();
constexpr auto kOther = cellwright::cell<"cell elman { state h[H]; h' = sin(h) }", "elmann">();
constexpr auto kOrphan = cellwright::cell<"cell my from lstn { f = 0.5 }">();
constexpr auto kImport = cellwright::cell<R"(
import "parts.cell"
cell my { state h[H]; h' = sin(h) }
)">();

// expect the literal defines no cell [unknown-cell]
// expect the literal defines no cell `elmann`; did you mean `elman`? [unknown-cell]
// expect 1:14: unknown cell `lstn` [unknown-cell]
// expect 2:8: no file is read while a program is compiled; write what this one defines into the literal
