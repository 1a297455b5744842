// The sentences of LANGUAGE.md about text: lexical rules, line ends, words, limits.
#include "support.h"

namespace cellwright::test {

using Strings = std::vector<std::string>;

TEST_CASE("numbers are written 1, 0.5, 1e-3, 2.5E+4") {
  for (std::string number : {"1", "0.5", "1e-3", "2.5E+4", "007", "0", "1e5", "123456789.25"})
    CHECK(idsOf(cellWith("h' = h + 0 * sum(x) * " + number)).empty());
}

TEST_CASE("numbers without digits on both sides of the point are bad") {
  for (std::string number : {".5", "5.", "1e", "1e+", "0x1", "1_0", "1.2.3", "3abc"})
    CHECK(idsOf(cellWith("y = " + number + "\nh' = h + sum(x)")) == Strings{"bad-number"});
}

TEST_CASE("names start with a letter or _ and go on with digits too") {
  CHECK(idsOf(cellWith("_ = x\n_1 = _\nA9z_ = _1\nh' = h + sum(A9z_)")).empty());
}

TEST_CASE("a statement ends at the end of the line, at ; or before }") {
  CHECK(idsOf("cell a { state h[H]; y = h; h' = y }").empty());
  CHECK(idsOf("cell a { state h[H]; h' = h; }").empty());
  CHECK(idsOf("cell a {\nstate h[H]\ny = h\nh' = y}").empty());
  CHECK(idsOf("cell a { state h[H] y = h }") == Strings{"unexpected-token"});
}

TEST_CASE("inside brackets the line goes on") {
  CHECK(idsOf(cellWith("h' = tanh(\nlinear(\nx\n,\nh\n)\n)\ny = h[\n0\n:\n1\n]\nparam "
                       "W[\nH\n,\nI\n]\nz = (h\n+ h)")) == Strings{"unused", "unused", "unused"});
}

TEST_CASE("after an operator, a comma or = the line goes on, over blank lines and comments too") {
  CHECK(idsOf(cellWith("h' =\n\n  # why\n\n  h +\n\n  sum(x) * # one\n\n2")).empty());
  for (std::string sign : {"+", "-", "*", "/"})
    CHECK(idsOf(cellWith("h' = h " + sign + "\n\n# c\n sum(x)")).empty());
  CHECK(idsOf(cellWith("param W[H, I]\nh' = h + W @\n\n x")).empty());
  CHECK(idsOf(cellWith("h' = h ^\n 2 + sum(x)")).empty());
  CHECK(idsOf(cellWith("h' = -\n h + sum(x)")).empty());
  CHECK(idsOf(cellWith("require I ==\n\n I\nh' = h + sum(x)")).empty());
  CHECK(idsOf("cell a { state h[H],\n\n# c\n c[H]\n h' = c\n c' = h }").empty());
}

TEST_CASE("line breaks are free between cells, before { and after }") {
  CHECK(
      idsOf("\n\ncell a\n\n# c\n{ state h[H]; h' = h }\n\n\ncell b {\n\nstate h[H]\n\nh' = h\n\n}")
          .empty());
  CHECK(idsOf("cell a { state h[H]; h' = h } cell b { state h[H]; h' = h }").empty());
  CHECK(idsOf("cell a {\nstate h[H]\ny = h\nrepeat l in 1..2\n{ y = y * h } h' = y }").empty());
}

TEST_CASE("a line break elsewhere ends the statement") {
  CHECK(idsOf(cellWith("h'\n= h + sum(x)")) == Strings{"unexpected-token", "unexpected-token"});
  CHECK(idsOf("cell\na { state h[H]; h' = h }").front() == "unexpected-token");
  CHECK(idsOf(cellWith("h' = h\n + sum(x)")) == Strings{"unexpected-token"});
}

TEST_CASE("a cell without its body is one problem") {
  CHECK(idsOf("cell a\n") == Strings{"unexpected-token"});
  CHECK(idsOf("cell a from\n") == Strings{"unexpected-token"});
  CHECK(idsOf("cell a\ncell b from a { h' = h }") == Strings{"unexpected-token"});
}

TEST_CASE("empty statements are allowed") {
  CHECK(idsOf(";;\ncell a { ;;; state h[H] ;; h' = h ; ; }\n;;").empty());
}

TEST_CASE("reserved words are no names") {
  for (std::string word : {"cell", "import", "input", "state", "param", "init", "output", "require",
                           "fn", "repeat", "option"}) {
    CAPTURE(word);
    CHECK(idsOf("cell a { input " + word + "[I]; state h[H]; h' = h }").front() == "reserved-word");
    CHECK(idsOf("cell a { state h[" + word + "]; h' = h }").front() == "reserved-word");
  }
}

TEST_CASE("from in per sequence frozen true false T are names too") {
  for (std::string word : {"from", "in", "per", "sequence", "frozen", "true", "false", "T"}) {
    CAPTURE(word);
    CHECK(idsOf("cell " + word + " { input x[" + word + "]; state h[H]; " + word +
                " = tanh(linear(x, h)); h' = " + word + " }")
              .empty());
  }
  CHECK(idsOf(cellWith("param T[H, H]\nparam frozen[H] frozen\nh' = T.T @ h + frozen + linear(x)"))
            .empty());
}

TEST_CASE("values, functions and dimensions are three separate sets of names") {
  CHECK(idsOf("fn H(a) = tanh(a)\ncell a { input x[x]; state H[H]; sigmoid = H(H); tanh = sigmoid; "
              "H' = sigmoid(tanh) + linear(x) }")
            .empty());
}

TEST_CASE("a comment starts with # and may be any UTF-8 without zero bytes") {
  CHECK(idsOf("# caf\xC3\xA9 \xE2\x88\x82 \xF0\x9F\x98\x80 \x01\ncell a { state h[H]; h' = h } # e")
            .empty());
  for (std::string bad :
       {"\xC3", "\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"})
    CHECK(idsOf("# " + bad + "\n") == Strings{"bad-comment"});
  CHECK(idsOf(std::string("# \0\n", 4)) == Strings{"bad-comment"});
}

TEST_CASE("bytes above 127 and control characters are a diagnostic outside comments") {
  for (std::string bad : {"\xC3\xA9", "\xFF", "\x01", "\x7F", "\x0C", "\x0B", "\x1B"})
    CHECK(idsOf("cell a { state h[H]; h' = h " + bad + " }") == Strings{"bad-character"});
  CHECK(idsOf("cell a {\tstate h[H];\th' = h\t}").empty());
}

TEST_CASE("lines end with LF or CRLF") {
  CHECK(idsOf("cell a {\r\n  state h[H] # c\r\n\r\n  h' = h\r\n}\r\n").empty());
  CHECK(idsOf("cell a {\n  state h[H]\r  h' = h\n}\n") == Strings{"bad-character"});
}

TEST_CASE("a byte order mark is named") {
  CHECK(problemsOf("\xEF\xBB\xBF"
                   "cell a { state h[H]; h' = h }")
            .front()
            .find("byte order mark") != std::string::npos);
  CHECK(idsOf("\xFF\xFE"
              "c\0e\0") == Strings{"byte-order-mark"});
}

TEST_CASE("strings have no escapes and end on their line") {
  CHECK(idsOf(cellWith("require H > 0 \"a \\ # ; } b\"\nh' = h + sum(x)")).empty());
  CHECK(idsOf(cellWith("require H > 0 \"a \\\" b\"\nh' = h + sum(x)")).back() == "unclosed-string");
  CHECK(idsOf(cellWith("require H > 0 \"a\nh' = h + sum(x)")) == Strings{"unclosed-string"});
  CHECK(idsOf(cellWith("require H > 0 \"caf\xC3\xA9\"\nh' = h + sum(x)")) ==
        Strings{"bad-character"});
}

TEST_CASE("a file has at most 1 MB") {
  std::string cell = "cell a { state h[H]; h' = h }\n#";
  CHECK(idsOf(cell + std::string(1'000'000 - cell.size(), 'x')).empty());
  CHECK(idsOf(cell + std::string(1'000'001 - cell.size(), 'x')) == Strings{"file-too-large"});
}

TEST_CASE("200 levels of nesting are allowed, 201 are not") {
  auto nested = [](int levels) {
    return cellWith("h' = sum(x) + " + std::string(levels, '(') + "h" + std::string(levels, ')'));
  };
  CHECK(idsOf(nested(200)).empty());
  CHECK(idsOf(nested(201)) == Strings{"too-deep"});
  std::string calls;
  for (int i = 0; i < 200; ++i)
    calls += "tanh(";
  CHECK(idsOf(cellWith("h' = sum(x) + " + calls + "h" + std::string(200, ')'))).empty());
  CHECK(idsOf(cellWith("h' = sum(x) + " + std::string(201, '-') + "h")) == Strings{"too-deep"});
}

TEST_CASE("10,000 micro-steps are allowed, one more is not") {
  auto steps = [](const std::string &last) {
    return cellWith("y = h\nrepeat l in 1.." + last + " { y = y * h }\nh' = y + sum(x)");
  };
  CHECK(idsOf(steps("10000")).empty());
  CHECK(idsOf(steps("10001")) == Strings{"too-many-micro-steps"});
  CHECK(idsOf(steps("999999999999")) == Strings{"too-many-micro-steps"});
}

TEST_CASE("200,000 operations are allowed, more are not") {
  auto sum = [](int terms) {
    std::string text = "h' = h + sum(x)";
    for (int i = 0; i < terms; ++i)
      text += "+h";
    return cellWith(text);
  };
  CHECK(idsOf(sum(199'990)).empty());
  CHECK(idsOf(sum(200'000)) == Strings{"too-many-operations"});
}

TEST_CASE("what one file needs is not counted for another") {
  std::string terms = "h";
  for (int i = 0; i < 150'000; ++i)
    terms += "+h";
  Frontend frontend;
  for (int i = 0; i < 20; ++i)
    frontend.addText("test.cell", "cell a { state h[H]; h' = " + terms + " }");
  frontend.checkAll();
  CHECK(frontend.renderProblems() == "");
}

TEST_CASE("100 problems of a file are printed") {
  std::string text = "cell a {\nstate h[H]\nh' = h\n";
  for (int i = 0; i < 500; ++i)
    text += "v" + std::to_string(i) + " = unknown" + std::to_string(i) + "\n";
  Strings ids = idsOf(text + "}");
  CHECK(ids.size() == 101);
  CHECK(ids.back() == "too-many-problems");
  CHECK(problemsOf(text + "}").back().find("400 more") != std::string::npos);
}

TEST_CASE("all problems of a file come out, sorted by place") {
  CHECK(problemsOf("cell a {\n  state h[H]\n  h' = hh\n  y = $\n  z = (h\n}\ncell b {\n  state "
                   "h[H], c[H]\n  h' = c\n}\n") ==
        Strings{"3:8 unknown-name: unknown name `hh`; did you mean `h`?",
                "4:7 bad-character: `$` means nothing here",
                "6:1 unclosed-bracket: expected `)` to close `(` opened at 5:7, found `}`",
                "8:15 unassigned-state: state `c` is never assigned; a cell assigns every state "
                "exactly once"});
}

TEST_CASE("a diagnostic has its form") {
  CHECK(check("cell mut1 {\n  input x[I]\n  state h[H]\n  param W_r[H, I], b_r[I]\n  r = "
              "sigmoid(W_r @ x + b_r)\n  h' = r\n}\n")
            .problems ==
        "test.cell:5:23: error: `+` has operands of shape [H] and [I] [shape-mismatch]\n"
        "  r = sigmoid(W_r @ x + b_r)\n"
        "              ~~~~~~~ ^ ~~~\n"
        "test.cell:4:20: note: `b_r` declared with shape [I] here\n");
}

TEST_CASE("tabs before a mark stay tabs and a character of several bytes takes one column") {
  CHECK(check("cell a {\n\tstate h[H]\n\th' =\tq # \n}\n").problems ==
        "test.cell:3:7: error: unknown name `q` [unknown-name]\n\th' =\tq # \n\t    \t^\n");
}

} // namespace cellwright::test
