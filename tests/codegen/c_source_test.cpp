// Cells as C99: what holds of kernels holds of them, for every shipped cell, for odd and for random
// ones.
#include "c_run.h"
#include "cell_checks.h"
#include "edge_cells.h"

#include "codegen/aot/c_functions.h"
#include "runtime/files.h"
#include "tests/support/c_compiler.h"
#include "tests/support/cell_generator.h"
#include "tests/support/shipped_cells.h"
#include "tests/support/text_checks.h"

#include "fmt/format.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace cellwright {

namespace {

const std::string kStrict = "-std=c99 -Wall -Wextra -pedantic -Werror -O1 ";

/// A cell in a library, with the check that it has to pass.
struct Entry {
  std::string what;
  TestCell cell;
  AotFacts facts;
  CellCheck check;
};

CellCheck checkOf(bool isDouble, int64_t steps, int64_t sequences, uint64_t seed) {
  CellCheck check;
  check.compile.isDouble = isDouble;
  check.compile.stateAdjoints = true;
  check.run.steps = steps;
  check.run.sequences = sequences;
  check.run.seed = seed;
  check.run.samples = 2;
  // As for kernels: what is left where values of order one cancel has the errors of what was there.
  check.run.smallest = isDouble ? 0 : 0.25;
  return check;
}

Entry entryOf(const std::string &what, const std::string &name, TestCell cell, CellCheck check) {
  check.compile.isTraining = cell.cell().randomCount > 0;
  AotFacts facts = cFactsOf(cell, name, check.compile);
  return {what, std::move(cell), facts, check};
}

/// A step at a time gives what the interpreter does, at evaluation.
void expectSteps(const CLibrary &library, const Entry &entry, SequenceInput input) {
  const Cell &cell = entry.cell.cell();
  input.seed.reset();
  SequenceResult expected = interpretSequence(cell, entry.cell.bound, input);
  SequenceResult found = stepC(library, entry.cell, entry.facts, input);
  double limit = gradcheckLimit(cell, entry.cell.bound, entry.check.run, entry.facts.isDouble,
                                /*isBackward=*/false);
  auto compare = [&](const char *what, const Elements &got, const Elements &wanted) {
    double largest = entry.check.run.smallest;
    for (double element : wanted)
      largest = std::max(largest, std::abs(element));
    for (size_t i = 0; i < wanted.size(); ++i)
      CHECK_MESSAGE(std::abs(got[i] - wanted[i]) <= limit * largest, what, "[", i, "] is ", got[i],
                    ", expected ", wanted[i]);
  };
  compare("out", found.output, expected.output);
  for (size_t s = 0; s < expected.states.size(); ++s) {
    compare("state", found.states[s], expected.states[s]);
    compare("final", found.finalStates[s], expected.finalStates[s]);
  }
}

/// Compiles all as one library, runs each forward, back and a step at a time.
void expectAllGood(std::vector<Entry> &entries, const std::string &flags = kStrict) {
  CLibrary library;
  for (const Entry &entry : entries)
    library.add(entry.cell.cell(), entry.facts,
                writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts));
  REQUIRE(library.build(flags) == "");
  for (Entry &entry : entries) {
    INFO(entry.what, ", T = ", entry.check.run.steps, ", N = ", entry.check.run.sequences,
         entry.facts.isDouble ? ", f64" : ", f32");
    GradcheckRun run = makeClearRun(entry.cell, entry.check);
    if (entry.check.isSensitive && !entry.facts.isDouble)
      entry.check.run.smallest *= std::max(1.0, sensitivityOf(entry.cell, run));
    ExecutionResult found = runC(library, entry.cell, entry.facts, run.input, &run.adjoints);
    for (const std::string &problem : problemsOfResult(entry.cell, entry.check, run, found))
      FAIL_CHECK(problem);
    expectSteps(library, entry, run.input);
  }
}

std::vector<Entry> edgeEntries(std::initializer_list<int64_t> sizes) {
  std::vector<Entry> entries;
  uint64_t number = 0;
  for (const EdgeCell &edge : edgeCells())
    for (int64_t H : sizes) {
      TestCell cell = cellOf(edge);
      CellCheck check = checkOf(number % 2 == 0, 4, 1 + static_cast<int64_t>(number % 3), number);
      ++number;
      if (!bindTo(cell, {{"I", 3}, {"H", H}, {"K", 5}}))
        continue; // a slice of nothing
      check.compile.indexInputs = edge.indexInputs;
      check.run.smallest = check.compile.isDouble ? 0 : 1;
      entries.push_back(entryOf(edge.what, fmt::format("edge_{}", number), std::move(cell), check));
    }
  return entries;
}

/// Everything that draws, and everything that changes once per sequence.
const std::string kDrawing = R"(
cell drawing {
  input x[H]
  input style[H] per sequence
  state h[H], c[H]
  a = dropout(x, 0.3)
  s = dropout(style, 0.4, per = sequence)
  n = tanh(dropout(linear(a, h), 0.25, per = sequence) + s)
  h' = zoneout(n, h, 0.2)
  c' = zoneout(0.5 * c + n, c, 0.9)
  output y = dropout(h' + c', 0.5)
})";

/// Whatever a file of C might already call so.
const std::string kBadNames = R"(
cell names {
  input x[H], out[H], done[H], row[H], params[H], int[H], seed[H], final[H], NULL[H], _a[H]
  state before[H], after[H], class[H], update[H], names_states[H]
  param k, room[H], tape[H], sums[step], dparams[H], names_dot[H, H], names_step[H], I[H]
  sum_v1 = cumsum(x * room) + out * k
  word_0 = dropout(tape * row, 0.5) + dropout(_a, 0.2)
  exp = tanh(names_dot.T @ before) * log(1.5 + square(done)) * sum(sums)
  j1 = softmax(exp + params) * int + seed * dparams
  before' = tanh(linear(sum_v1, word_0, j1) + names_step * I)
  after' = 0.5 * after + before' * final
  class' = names_dot @ class + cumsum(NULL)
  update' = update * 0.5 + class'
  names_states' = names_states + 0.1 * x
  output dout[H] = before' + after' * update'
})";

Entry lstmEntry(bool hasBackward) {
  CellCheck check = checkOf(false, 5, 3, 1);
  check.compile.hasBackward = hasBackward;
  return entryOf("lstm", "lstm", cellByName("lstm", {{"I", 3}, {"H", 9}}), check);
}

} // namespace

TEST_CASE("every shipped cell as C99 computes what the interpreter does, and its gradients") {
  std::vector<Entry> entries;
  uint64_t number = 0;
  for (const std::string &name : test::shippedCells())
    for (auto [size, steps, sequences] : {std::array<int64_t, 3>{1, 3, 2}, {3, 1, 3}, {17, 4, 1}}) {
      TestCell cell = cellByName(name);
      bool isBound = bindTo(cell, sizesFor(cell.cell(), 3, size, 5)) ||
                     bindTo(cell, sizesFor(cell.cell(), size, size, 5));
      REQUIRE_MESSAGE(isBound, name);
      CellCheck check = checkOf(number % 2 == 0, steps, sequences, 1 + number);
      if (name.starts_with("slstm"))
        check.normalizers = {"n"};
      entries.push_back(entryOf(name, fmt::format("{}_{}", name, size), std::move(cell), check));
      ++number;
    }
  expectAllGood(entries);
}

TEST_CASE("cells at the edges of the language as C99") {
  std::vector<Entry> entries = edgeEntries({1, 5});
  expectAllGood(entries);
}

TEST_CASE("random cells as C99, without undefined behaviour") {
  std::vector<Entry> entries;
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    test::GeneratedCell generated = test::generateCell(seed);
    TestCell cell = cellOfText(generated.text, generated.sizes);
    CellCheck check = checkOf(seed % 3 != 0, 3, 2, 100 * seed);
    check.run.smallest = 1;
    check.isSensitive = true;
    check.run.samples = check.compile.isDouble ? 2 : 0;
    entries.push_back(
        entryOf(generated.text, fmt::format("random_{}", seed), std::move(cell), check));
  }
  expectAllGood(entries, kStrict + "-fsanitize=undefined -fno-sanitize-recover=all");
}

TEST_CASE("masks are those of the interpreter") {
  std::vector<Entry> entries;
  for (bool isDouble : {true, false})
    entries.push_back(entryOf("drawing", isDouble ? "drawing_f64" : "drawing_f32",
                              cellOfText(kDrawing, {{"H", 17}}), checkOf(isDouble, 6, 3, 42)));
  expectAllGood(entries);
}

TEST_CASE("names of a cell that C, its library or the file have already") {
  std::vector<Entry> entries;
  entries.push_back(entryOf("names", "names", cellOfText(kBadNames, {{"H", 4}, {"step", 3}}),
                            checkOf(true, 3, 2, 5)));
  expectAllGood(entries);
}

// Run with the sanitizer's library loaded first: see CMakeLists.txt.
TEST_SUITE_BEGIN("address");
TEST_CASE("nothing is read or written beyond what the header says") {
  std::vector<Entry> entries = edgeEntries({3});
  entries.push_back(
      entryOf("drawing", "drawing", cellOfText(kDrawing, {{"H", 5}}), checkOf(true, 4, 3, 1)));
  for (const char *name : {"lstm", "gru", "rhn", "layer_norm_lstm", "mlstm"})
    entries.push_back(entryOf(name, name, cellByName(name, {{"I", 4}, {"H", 4}, {"D", 2}}),
                              checkOf(false, 4, 3, 1)));
  expectAllGood(entries, kStrict + "-g -fsanitize=address,undefined -fno-sanitize-recover=all");
}
TEST_SUITE_END();

TEST_CASE("what a caller leaves out is zero, or not wanted") {
  Entry entry = lstmEntry(true);
  CLibrary library;
  CSource source = writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts);
  library.add(entry.cell.cell(), entry.facts, source);
  REQUIRE(library.build() == "");
  GradcheckRun run =
      makeGradcheckRun(entry.cell.cell(), entry.cell.bound, entry.check.compile, entry.check.run);
  for (Elements &state : run.input.firstStates)
    std::fill(state.begin(), state.end(), 0.0);
  GivenAdjoints onlyOutput{run.adjoints.output, {}, {}};
  ExecutionResult all = runC(library, entry.cell, entry.facts, run.input, &onlyOutput);
  ExecutionResult least =
      runC(library, entry.cell, entry.facts, run.input, &onlyOutput, COmissions::All);
  CHECK(least.gradients.params == all.gradients.params);
  GivenAdjoints onlyFinals{{}, {}, run.adjoints.finals};
  onlyFinals.states = {};
  ExecutionResult finals = runC(library, entry.cell, entry.facts, run.input, &onlyFinals);
  GivenAdjoints withZeros = onlyFinals;
  withZeros.output = Elements(run.adjoints.output.size(), 0.0);
  for (const Elements &state : run.adjoints.states)
    withZeros.states.push_back(Elements(state.size(), 0.0));
  ExecutionResult zeros = runC(library, entry.cell, entry.facts, run.input, &withZeros);
  CHECK(finals.gradients.params == zeros.gradients.params);
  CHECK(finals.gradients.inputs == zeros.gradients.inputs);
}

TEST_CASE("no steps leave the states as they are, and no sequences do nothing") {
  Entry entry = lstmEntry(true);
  CLibrary library;
  library.add(entry.cell.cell(), entry.facts,
              writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts));
  REQUIRE(library.build() == "");
  GradcheckRun run =
      makeGradcheckRun(entry.cell.cell(), entry.cell.bound, entry.check.compile, entry.check.run);
  run.input.steps = 0;
  run.adjoints.output.clear();
  run.adjoints.states.clear();
  ExecutionResult none = runC(library, entry.cell, entry.facts, run.input, &run.adjoints);
  CHECK(none.forward.finalStates == run.input.firstStates);
  CHECK(none.gradients.firstStates == run.adjoints.finals);
  for (const Elements &param : none.gradients.params)
    CHECK(param == Elements(param.size(), 0.0));
}

TEST_CASE("the memory that no machine has is SIZE_MAX") {
  Entry entry = lstmEntry(true);
  CLibrary library;
  library.add(entry.cell.cell(), entry.facts,
              writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts));
  REQUIRE(library.build() == "");
  auto memory = reinterpret_cast<size_t (*)(int64_t, int64_t)>(library.find("lstm_memory"));
  CHECK(memory(2, 3) - memory(1, 3) == memory(3, 3) - memory(2, 3));
  CHECK(memory(0, 5) == memory(5, 0));
  CHECK(memory(INT64_MAX, 1) == SIZE_MAX);
  CHECK(memory(INT64_MAX / 2, INT64_MAX / 2) == SIZE_MAX);
  CHECK(memory(int64_t{1} << 31, int64_t{1} << 31) == SIZE_MAX);
  auto isSupported = reinterpret_cast<int (*)()>(library.find("lstm_is_supported"));
  CHECK(isSupported() == 1);
}

TEST_CASE("weights in the source give the bits of weights that are given") {
  Entry entry = lstmEntry(false);
  SequenceInput input =
      makeGradcheckRun(entry.cell.cell(), entry.cell.bound, entry.check.compile, entry.check.run)
          .input;
  AotFacts within = entry.facts;
  within.name = "within";
  within.hasWeights = true;
  CLibrary library;
  library.add(entry.cell.cell(), entry.facts,
              writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts));
  library.add(entry.cell.cell(), within,
              writeCSource(entry.cell.cell(), entry.cell.bound, within, input.params));
  REQUIRE(library.build() == "");
  ExecutionResult given = runC(library, entry.cell, entry.facts, input, nullptr);
  ExecutionResult own = runC(library, entry.cell, within, input, nullptr);
  CHECK(given.forward.output == own.forward.output);
  CHECK(stepC(library, entry.cell, entry.facts, input).output == given.forward.output);
  CHECK(stepC(library, entry.cell, within, input).output == given.forward.output);
}

TEST_CASE("a source stands alone, beside its header and beside others in one file") {
  TemporaryFolder folder;
  for (const char *name : {"lstm", "gru", "mut1"}) {
    TestCell cell = cellByName(name, {{"I", 4}, {"H", 4}});
    AotFacts facts = cFactsOf(cell, name, {});
    CSource source = writeCSource(cell.cell(), cell.bound, facts);
    CHECK(source.source.starts_with(source.header));
    writeFile(folder / (facts.name + ".h"), source.header);
    writeFile(folder / (facts.name + ".c"), source.source);
  }
  writeFile(folder / "all.c", "#include \"lstm.h\"\n#include \"lstm.c\"\n#include \"gru.c\"\n"
                              "#include \"mut1.c\"\n#include \"mut1.h\"\n");
  CHECK(test::runCCompiler(kStrict + "-c -o /dev/null " + (folder / "all.c")) == "");
}

TEST_CASE("a source needs libc and libm only, and neither heap nor output") {
  Entry entry = lstmEntry(true);
  CSource source = writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts);
  for (const char *word : {"malloc", "free(", "printf", "stdio", "stdlib"})
    CHECK_FALSE(has(source.source, word));
  size_t includes = 0;
  for (size_t at = source.source.find("#include"); at != std::string::npos;
       at = source.source.find("#include", at + 1))
    ++includes;
  CHECK(includes == 4); // stddef.h, stdint.h, math.h, string.h
}

TEST_CASE("a source reads like the cell") {
  Entry entry = lstmEntry(false);
  std::string source = writeCSource(entry.cell.cell(), entry.cell.bound, entry.facts).source;
  for (const char *line :
       {"    const float i = lstm_sigmoid(net_i);\n", "    const float g = tanhf(net_g);\n",
        "    const float c_next = f * before->c[row] + i * g;\n",
        "    const float h_next = o * tanhf(c_next);\n", "    after->h[row] = h_next;\n",
        "  cell->states = cell->next;\n"})
    CHECK_MESSAGE(has(source, line), line, " is not in\n", source);
  CHECK_FALSE(has(source, "backward"));
  CHECK_FALSE(has(source, "tape"));
}

TEST_CASE("slices of slices, and one after the other, however many") {
  constexpr int kSlices = 20'000;
  std::string text = "cell slices {\n  input x[" + std::to_string(kSlices + 1) +
                     "]\n  state h[1]\n  y0 = x[1:" + std::to_string(kSlices + 1) + "]\n";
  for (int i = 1; i < kSlices; ++i)
    text += fmt::format("  y{} = y{}[1:{}]\n", i, i - 1, kSlices + 1 - i);
  text += fmt::format("  h' = tanh(y{}) + h\n}}\n", kSlices - 1);
  TestCell cell = cellOfText(text, {});
  std::string source = writeCSource(cell.cell(), cell.bound, cFactsOf(cell, "slices", {})).source;
  CHECK(has(source, fmt::format("tanhf(x[row + {}]) + before->h[row]", kSlices)));
}

TEST_CASE("C knows every primitive of the function table") {
  for (const Function &function : kFunctions) {
    bool isOfElements =
        function.kind == FunctionClass::Operator || function.kind == FunctionClass::Elementwise;
    if (isOfElements && function.expansion.empty())
      CHECK_MESSAGE(isCMap(function.name), function.name);
  }
}

TEST_CASE("numbers are the shortest that read back the same") {
  CHECK(cNumber(0.1, false).text == "0.1f");
  CHECK(cNumber(0.1, true).text == "0.1");
  CHECK(cNumber(-2, false).text == "-2.0f");
  CHECK(cNumber(1e30, false).text == "1e+30f");
  CHECK(cNumber(1e300, false).text == "INFINITY");
  CHECK(cNumber(-HUGE_VAL, true).text == "-INFINITY");
  CHECK(cNumber(std::nan(""), true).text == "NAN");
  CHECK(cNumber(1.0 / 3, false).text == "0.33333334f");
}

} // namespace cellwright
