// See render.h; the layout is in render_text.h.
#include "dsl/render.h"

#include "dsl/render_text.h"

namespace cellwright {

std::string renderDiagnostic(const Diagnostic &diagnostic, const Sources &sources) {
  return std::string(renderAsText(diagnostic, sources).view());
}

std::string renderDiagnostics(const Diagnostics &diagnostics, const Sources &sources) {
  std::string out;
  for (const Diagnostic &diagnostic : diagnostics.all())
    out += renderAsText(diagnostic, sources).view();
  return out;
}

std::string renderFirst(const Diagnostics &diagnostics, const Sources &sources) {
  constexpr size_t kShown = 3;
  const std::vector<Diagnostic> &all = diagnostics.all();
  size_t shown = all.size() > kShown + 1 ? kShown : all.size();
  std::string out;
  for (size_t i = 0; i < shown; ++i)
    out += renderDiagnostic(all[i], sources);
  if (shown < all.size())
    out += "... and " + std::to_string(all.size() - shown) + " more like these\n";
  return out;
}

} // namespace cellwright
