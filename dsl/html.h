// Pages and pictures: text between tags, and the frame of a page that stands alone.
#pragma once

#include <string>
#include <string_view>

namespace cellwright {

/// Text for HTML and SVG, between tags and within quotes: names are the user's. Bytes that are no
/// text, control characters among them, become U+FFFD.
std::string escapeMarkup(std::string_view text);

/// A page without script and without a file beside it. `style` is added to the style that all pages
/// share; `body` is markup.
std::string htmlPage(std::string_view title, std::string_view style, std::string_view body);

} // namespace cellwright
