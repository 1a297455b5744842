// Cells that are found or made at run time, and what is said of those that are wrong.
#include <cellwright/load.h>

#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>

#include <fstream>
#include <optional>

namespace cellwright::test {

namespace {

/// The Error that an action throws.
template <class Action> Error catchError(const Action &action) {
  try {
    action();
  } catch (const Error &error) {
    return error;
  }
  FAIL("no Error was thrown");
  return Error("");
}

} // namespace

TEST_CASE("a shipped cell is found by its name") {
  LoadedCell lstm = load("lstm");
  CHECK(lstm.name() == "lstm");
  CHECK(lstm.states().size() == 2);
  CHECK(lstm.param("W_i_x").elements({.H = 4, .I = 3}) == 12);
  CHECK(lstm.text().starts_with("cell lstm {\n  input x[I]\n  state h[H], c[H]\n"));
}

TEST_CASE("the views of a cell stay while a copy of it is there") {
  std::optional<LoadedCell> first = load("gru");
  LoadedCell second = *first;
  std::string_view name = first->params()[0].name;
  first.reset();
  CHECK(name == second.params()[0].name);
}

TEST_CASE("a file's cell is found by its name, or as the only one") {
  TemporaryFolder folder;
  std::string path = folder / "two.cell";
  std::ofstream(path) << "cell a { state h[H]; h' = sin(h) }\n"
                         "cell b from a { h' = cos(h) }\n";
  CHECK(loadFile(path, "b").text() == "cell b {\n  state h[H]\n  h' = cos(h)\n}\n");
  CHECK(errorOf([&] { loadFile(path); }).find("defines 2 cells, name one of them") !=
        std::string::npos);
  CHECK(errorOf([&] { loadFile(path, "bb"); }).find("defines no cell `bb`; did you mean `b`?") !=
        std::string::npos);
  CHECK(errorOf([&] { loadFile(folder / "none.cell"); }).find("cannot read") != std::string::npos);
}

TEST_CASE("of a text the last cell is meant, or the one that is named") {
  std::string text = "cell a { state h[H]; h' = sin(h) }\ncell b from a { h' = cos(h) }";
  CHECK(parse(text).name() == "b");
  CHECK(parse(text, "a").name() == "a");
  CHECK(parse("cell mine from lstm { f = 1 - i }").params().size() == 9);
}

TEST_CASE("an error has all problems, each with its message, id, line and column") {
  Error error = catchError(
      [] { parse("cell a {\n  state h[H], c[H]\n  h' = sigmod(h)\n}\n", {}, {}, "mine"); });
  REQUIRE(error.problems().size() == 2);
  CHECK(error.problems()[0].message ==
        "state `c` is never assigned; a cell assigns every state exactly once");
  CHECK(error.problems()[0].id == "unassigned-state");
  CHECK(error.problems()[0].file == "mine");
  CHECK(error.problems()[0].line == 2);
  CHECK(error.problems()[0].column == 15);
  CHECK(error.problems()[1].message == "unknown function `sigmod`; did you mean `sigmoid`?");
  CHECK(error.problems()[1].line == 3);
  CHECK(error.problems()[1].column == 8);
  CHECK(std::string(error.what()) ==
        "mine:2:15: error: state `c` is never assigned; a cell assigns every state exactly once "
        "[unassigned-state]\n"
        "  state h[H], c[H]\n"
        "              ^\n"
        "mine:3:8: error: unknown function `sigmod`; did you mean `sigmoid`? [unknown-function]\n"
        "  h' = sigmod(h)\n"
        "       ^~~~~~");
}

TEST_CASE("problems without a place have no line") {
  Error error = catchError([] { load("lstn"); });
  REQUIRE(error.problems().size() == 1);
  CHECK(error.problems()[0].message == "unknown cell `lstn`; did you mean `lstm`?");
  CHECK(error.problems()[0].line == 0);
  CHECK(error.problems()[0].file.empty());
}

TEST_CASE("what cannot be a cell is said") {
  CHECK(errorOf([] { load("cells/lstm.cell"); }) ==
        "`cells/lstm.cell` is a path; use loadFile for files");
  CHECK(errorOf([] { parse("# nothing"); }).find("`text` defines no cell") != std::string::npos);
  CHECK(errorOf([] {
          parse("cell a { state h[H]; h' = sin(h) }", "b");
        }).find("`text` defines no cell `b`") != std::string::npos);
}

TEST_CASE("warnings are kept") {
  LoadedCell cell = parse("cell a { state h[H]; unused = 2 * h; h' = sin(h) }");
  REQUIRE(cell.warnings().size() == 1);
  CHECK(cell.warnings()[0].starts_with("text:1:22: warning: value `unused` is not used"));
}

TEST_CASE("options get other numbers") {
  std::string text = "cell a { option k = 2; state h[H]; h' = h * k }";
  CHECK(parse(text, {}, {.options = {{"k", 3}}}).text().find("option k = 3") != std::string::npos);
  CHECK(errorOf([&] {
          parse(text, {}, {.options = {{"kk", 3}}});
        }).find("cell `a` has no option `kk`; did you mean `k`?") != std::string::npos);
}

TEST_CASE("names that a cell does not have are errors that list those it has") {
  LoadedCell cell = parse("cell a { input x[I]; state h[H]; h' = tanh(linear(x, h)) }");
  CHECK(errorOf([&] { cell.param("W_h_y"); }) ==
        "cell `a` has no parameter `W_h_y`; did you mean `W_h_x`?; it has W_h_x, W_h_h, b_h");
  CHECK(errorOf([&] { cell.state("c"); }) == "cell `a` has no state `c`; it has h");
  CHECK(errorOf([&] { cell.input("u"); }) == "cell `a` has no input `u`; it has x");
}

} // namespace cellwright::test
