// See peer.h.
#include "bench/peer.h"

#include <vector>

namespace cellwright {

std::span<const PeerRow> peerRows() {
  static const std::vector<PeerRow> rows = {
      {"plain C++", makePlainPeer},
#ifdef CELLWRIGHT_HAS_ONEDNN
      {oneDnnVersion(), makeOneDnnPeer},
#endif
  };
  return rows;
}

} // namespace cellwright
