// See status.h.
#include "search/status.h"

namespace cellwright {

SearchStatus readStatus(const Store &store, int64_t top) {
  SearchStatus status;
  status.config = parseStudyConfig(store.study().config);
  status.counts = store.counts();
  status.best = store.best(top, status.config.objectives.at(0).isMaximized, status.config.task);
  status.running = store.running();
  return status;
}

} // namespace cellwright
