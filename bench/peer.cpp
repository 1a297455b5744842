// See peer.h.
#include "bench/peer.h"

#include "runtime/error.h"

#include <dlfcn.h>
#include <sstream>
#include <vector>

namespace cellwright {

/// Loads a module for the rest of the program; its names stay its own.
static PeerRow loadPeer(const std::string &path) {
  void *module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  CELLWRIGHT_CHECK(module, "cannot load a peer: {}; build again, or leave --peers out", dlerror());
  auto describe = reinterpret_cast<DescribePeer>(dlsym(module, "cellwright_peer"));
  CELLWRIGHT_CHECK(describe, "`{}` has no `cellwright_peer`; build again", path);
  PeerRow row;
  describe(&row);
  return row;
}

std::span<const PeerRow> peerRows() {
  static const std::vector<PeerRow> rows = [] {
    std::vector<PeerRow> all = {{"plain C++", makePlainPeer}, {"static C++", makeStaticPeer}};
    std::istringstream paths(CELLWRIGHT_PEER_MODULES); // separated by bars
    for (std::string path; std::getline(paths, path, '|');)
      all.push_back(loadPeer(path));
    return all;
  }();
  return rows;
}

} // namespace cellwright
