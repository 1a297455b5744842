// What a search over cells asks of its candidates.
#include "search/candidate_checks.h"

#include "runtime/files.h"
#include "search/run_trial.h"
#include "tests/search/cell_texts.h"
#include "tests/support/error_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/text_checks.h"

#include <doctest/doctest.h>

namespace cellwright {

static Candidate candidateOf(const std::string &statements) {
  return {"cell c {\n  input x[I]\n  state h[H]\n" + statements + "\n}\n", "", {}, ""};
}

TEST_CASE("candidates are the same if their canonical forms are") {
  CandidateChecks checks = makeCandidateChecks(makeTask("adding")->form(), 0);
  auto first = checks.hash(candidateOf("  a = linear(x)\n  h' = tanh(a + h)"));
  REQUIRE(first);
  CHECK(first->size() == 32);
  CHECK(checks.hash(candidateOf("  b = linear(x)\n  h' = tanh(h + b)")) == first);
  CHECK(checks.hash(candidateOf("  b = linear(x)\n  h' = tanh(h - b)")) != first);
  CHECK_FALSE(checks.hash(candidateOf("  h' = tanh(b)")));
}

TEST_CASE("without a budget sizes stay, with one they are the largest") {
  TaskForm form = makeTask("adding")->form();
  CHECK_FALSE(makeCandidateChecks(form, 0).fit);
  CandidateChecks checks = makeCandidateChecks(form, 2000);
  HyperParameters hyper{.hidden = 7};
  Candidate gru{test::shippedText("gru"), "", {}, ""};
  checks.fit(gru, hyper);
  CHECK(hyper.hidden > 7);
  ModelStack stack(describeModel(gru.cell, form, hyper));
  CHECK(stack.paramCount() <= 2000);
  stack.setHidden(hyper.hidden + 1);
  CHECK(stack.paramCount() > 2000);
  hyper.hidden = 7;
  checks.fit(candidateOf("  h' = hh"), hyper);
  CHECK(hyper.hidden == 7);
}

TEST_CASE("filters refuse by name") {
  CandidateChecks checks = makeCandidateChecks(makeTask("adding")->form(), 15);
  HyperParameters hyper{.hidden = 7};
  CHECK(checks.refuse(candidateOf("  h' = hh"), hyper) == "check");
  CHECK(checks.refuse(candidateOf("  h' = tanh(linear(x))"), hyper) == "path");
  CHECK(checks.refuse({test::shippedText("lstm"), "", {}, ""}, hyper) == "size");
  CHECK(checks.refuse(candidateOf("  h' = tanh(linear(x, h))"), hyper) == "");
}

/// What `checkSpace` says of a file with a space; empty if nothing.
static std::string checkOf(const std::string &text, int64_t mostParams = 0) {
  TemporaryFolder folder;
  writeFile(folder / "s.cell", text);
  std::unique_ptr<Space> space = makeSpace(folder / "s.cell");
  HyperSpace hyper = findHyperSpace("adam").make();
  return errorOf([&] { checkSpace(*space, hyper, makeTask("adding")->form(), mostParams, 50); });
}

static constexpr const char *kHalfGood = "cell s { input x[I]; state h[H]\n"
                                         "  h' = choose { tanh(linear(x)) | tanh(linear(x, h)) } }";

TEST_CASE("a space of which nothing can be tried is refused, with the first reason") {
  std::string message = checkOf("cell s { input x[I]; input y[J]; state h[H]\n"
                                "  h' = choose(tanh, relu)(linear(x, y, h)) }");
  CHECK(message.starts_with("none of 50 draws of the space `"));
  CHECK(has(message, "can be tried; the first: `s`: a layer's cell has one input"));
}

TEST_CASE("a space with a wrong alternative is refused, wherever that stands") {
  std::string message = checkOf("cell s { input x[I]; state h[H]\n"
                                "  h' = choose(tanh, 1e-9: tahn)(linear(x, h)) }");
  CHECK(has(message, "s.cell` has alternatives that are wrong:\n"));
  CHECK(has(message, "did you mean `tanh`?"));
}

TEST_CASE("a space that never gives a candidate is refused, with what it said") {
  struct Barren : Space {
    std::string_view name() const override { return "barren"; }
    std::string describe() const override { return ""; }
    Candidate sample(Random &) const override { throw NoCandidate("nothing grows here"); }
    double size() const override { return 0; }
    Candidate make(const std::string &) const override { return {}; }
  };
  HyperSpace hyper = findHyperSpace("adam").make();
  CHECK(has(errorOf([&] { checkSpace(Barren(), hyper, makeTask("adding")->form(), 0, 3); }),
            "none of 3 draws of the space `barren` can be tried; the first: nothing grows here"));
}

TEST_CASE("a space with some good cells is taken") { CHECK(checkOf(kHalfGood) == ""); }

TEST_CASE("a space of which nothing fits the budget is refused") {
  CHECK(has(checkOf(kHalfGood, 4), "the first: no size has at most 4 parameters"));
}

} // namespace cellwright
