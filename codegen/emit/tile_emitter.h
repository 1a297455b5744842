// Phases with contractions: a loop over tiles of columns, within it over groups of rows. Products
// leave their sums of a group in a scratch buffer that stays in the first cache; then the rest of
// the phase is done for all rows of the group, as the epilogue.
#pragma once

#include "codegen/emit/place_emitter.h"

namespace cellwright {

/// Emits the phase and asks for its weights to be packed; gives the number of tiles.
int64_t emitTiles(PlaceEmitter &place);

} // namespace cellwright
