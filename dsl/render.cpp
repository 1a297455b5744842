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

} // namespace cellwright
