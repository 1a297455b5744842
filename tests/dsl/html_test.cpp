// Text in pages and pictures, and the frame of a page.
#include "dsl/html.h"

#include <doctest/doctest.h>

using namespace cellwright;

TEST_CASE("names cannot leave the place where a page shows them") {
  CHECK(escapeMarkup("a < b && c > \"d\" 'e'") ==
        "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
  CHECK(escapeMarkup("W_z\n") == "W_z\n");
}

TEST_CASE("what is no text does not get into a page") {
  CHECK(escapeMarkup("a\xFF"
                     "b\xC3") == "a\uFFFDb\uFFFD");
  CHECK(escapeMarkup("\x1B[31m\x7F\t") == "\uFFFD[31m\uFFFD\t");
  CHECK(escapeMarkup("\u00E9\u2297\U0001F600") == "\u00E9\u2297\U0001F600");
}

TEST_CASE("a page has title, styles and body, and needs nothing beside it") {
  std::string page = htmlPage("a<b", "p { color: red }", "<p>c</p>\n");
  CHECK(page.starts_with("<!doctype html>\n"));
  CHECK(page.find("<title>a&lt;b</title>") != std::string::npos);
  CHECK(page.find("p { color: red }</style>\n<p>c</p>\n</html>\n") != std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("src=") == std::string::npos);
}
