// See html.h.
#include "dsl/html.h"

#include "dsl/lexer.h"

#include <algorithm>

namespace cellwright {

/// Bytes of the character at the start of a text that markup may have; 0 if there is none.
static size_t markupLength(std::string_view text) {
  auto first = static_cast<unsigned char>(text[0]);
  bool isControl =
      (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7F;
  return isControl ? 0 : detail::utf8Length(text.substr(0, 4));
}

std::string escapeMarkup(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // U+FFFD
  std::string escaped;
  for (size_t length = 0; !text.empty(); text.remove_prefix(std::max<size_t>(length, 1))) {
    length = markupLength(text);
    char character = text[0];
    if (length == 0)
      escaped += kReplacement;
    else if (character == '<')
      escaped += "&lt;";
    else if (character == '>')
      escaped += "&gt;";
    else if (character == '&')
      escaped += "&amp;";
    else if (character == '"')
      escaped += "&quot;";
    else if (character == '\'')
      escaped += "&#39;";
    else
      escaped += text.substr(0, length);
  }
  return escaped;
}

static constexpr std::string_view kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
       color: #1d2330; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
pre { background: #f3f5f9; padding: .7rem 1rem; white-space: pre-wrap }
svg { width: 100%; max-width: 760px; font: 12px system-ui, sans-serif }
svg text { fill: #454e60 } .grid { stroke: #e3e7ef }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid #e3e7ef; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
)";

std::string htmlPage(std::string_view title, std::string_view style, std::string_view body) {
  std::string page = "<!doctype html>\n<html lang='en'><meta charset='utf-8'>\n"
                     "<meta name='viewport' content='width=device-width'>\n<title>";
  page += escapeMarkup(title);
  page += "</title>\n<style>";
  page += kStyle;
  page += style;
  page += "</style>\n";
  page += body;
  page += "</html>\n";
  return page;
}

} // namespace cellwright
