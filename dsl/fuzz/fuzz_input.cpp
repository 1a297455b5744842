#include "dsl/fuzz/fuzz_input.h"

#include "dsl/analysis.h"
#include "dsl/bind.h"
#include "dsl/draw.h"
#include "dsl/format.h"
#include "dsl/frontend.h"
#include "dsl/interpreter.h"
#include "dsl/latex.h"
#include "dsl/print.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace cellwright {

namespace {

constexpr int64_t kMaxElements = 2000; // of what is interpreted
constexpr size_t kMaxOps = 400;

void require(bool holds, std::string_view promise, std::string_view bytes,
             std::string_view more = "") {
  if (holds)
    return;
  std::fprintf(stderr, "broken promise: %.*s\n--- input\n%.*s\n---\n%.*s\n",
               static_cast<int>(promise.size()), promise.data(), static_cast<int>(bytes.size()),
               bytes.data(), static_cast<int>(more.size()), more.data());
  std::abort();
}

/// Interprets two steps of a cell whose dimensions are all 3, if they can be.
void interpretSteps(const Cell &cell, std::string_view bytes) {
  std::vector<SizeFact> facts;
  for (const Dimension &dimension : cell.dimensions)
    addDimensionFact(cell, dimension.name, 3, facts);
  Diagnostics problems;
  std::optional<Bound> bound = bindCell(cell, facts, problems);
  require(bound || problems.hasErrors(), "binding fails with a reason", bytes);
  if (!bound || cell.ops.size() > kMaxOps)
    return;
  int64_t elements = 0;
  for (const Op &op : cell.ops)
    elements += bound->elements(op.shape);
  if (elements > kMaxElements)
    return;
  auto fill = [&](const Shape &shape) {
    return Elements(static_cast<size_t>(bound->elements(shape)), 0.25);
  };
  SequenceInput input;
  input.steps = 2;
  input.sequences = 1;
  input.seed = 1;
  for (const Input &each : cell.inputs)
    input.inputs.emplace_back(
        static_cast<size_t>(bound->elements(each.shape)) * (each.perSequence ? 1 : 2), 0.5);
  for (const State &state : cell.states)
    input.firstStates.push_back(fill(state.shape));
  for (const Param &param : cell.params)
    input.params.push_back(fill(param.shape));
  SequenceResult result = interpretSequence(cell, *bound, input);
  require(result.finalStates.size() == cell.states.size(), "every state has a final value", bytes);
}

void checkGoodCell(const Program &program, const CheckedCell &checked, std::string_view bytes) {
  std::string printed = printCell(program, checked);
  if (printed.size() > kMaxFileBytes)
    return;
  Frontend again(Frontend::Library::Never);
  again.addText("printed.cell", printed);
  again.checkAll();
  require(again.program().cells.size() == 1, "a printed cell is one cell", bytes, printed);
  CheckedCell second = again.check(0);
  require(second.isGood, "a printed cell is good", bytes, printed + again.renderProblems());
  require(printCell(again.program(), second) == printed, "printing is the identity", bytes,
          printed);
  require(canonicalText(second.cell) == canonicalText(checked.cell), "a printed cell is the same",
          bytes, printed);
  writeLatex(program, checked);
  writeSvg(checked.cell);
  writeDot(checked.cell);
  interpretSteps(checked.cell, bytes);
}

/// As `checkGoodCell`, with the last alternative of every choice: together they need not be good.
void checkLastAlternatives(Frontend &frontend, CellId cell, const CheckedCell &first,
                           std::string_view bytes) {
  Settings settings;
  for (const CellChoice &choice : first.choices) {
    const ChoiceSyntax &syntax = syntaxOf(frontend.program(), choice);
    settings.options.push_back({syntax.name, static_cast<double>(syntax.count)});
  }
  CheckedCell checked = frontend.check(cell, settings);
  if (checked.isGood)
    checkGoodCell(frontend.program(), checked, bytes);
}

/// What a check found, apart from where: the Ids of its problems and the cells that are good.
std::string outcomeOf(Frontend &frontend) {
  std::string outcome;
  for (CellId cell = 0; cell < static_cast<CellId>(frontend.program().cells.size()); ++cell)
    if (CheckedCell checked = frontend.check(cell); checked.isGood)
      outcome += canonicalText(checked.cell);
  for (const Diagnostic &problem : frontend.program().diagnostics.all()) {
    outcome += rowOf(problem.id).name;
    outcome += "\n";
  }
  return outcome;
}

/// The layout keeps comments and meaning, and is kept by another run.
void checkFormatted(Frontend &frontend, std::string_view bytes) {
  Diagnostics diagnostics;
  std::optional<std::string> formatted = formatText(bytes, 0, diagnostics);
  if (!formatted)
    return;
  std::optional<std::string> twice = formatText(*formatted, 0, diagnostics);
  require(twice && *twice == *formatted, "formatting twice changes nothing", bytes, *formatted);
  auto countComments = [](std::string_view text) {
    Names names;
    Diagnostics silent;
    return Lexer(text, 0, names, silent).lex().comments.size();
  };
  require(countComments(bytes) == countComments(*formatted), "formatting keeps comments", bytes,
          *formatted);
  Frontend again(Frontend::Library::Never);
  again.addText("input.cell", *formatted);
  again.checkAll();
  again.renderProblems();
  require(outcomeOf(frontend) == outcomeOf(again), "formatting keeps the meaning", bytes,
          *formatted + again.renderProblems());
}

} // namespace

void fuzzInput(std::string_view bytes) {
  Frontend frontend(Frontend::Library::Never);
  frontend.addText("input.cell", std::string(bytes));
  frontend.checkAll();
  bool hasErrors = frontend.hasErrors();
  bool areAllGood = true;
  const Program &program = frontend.program();
  for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell) {
    CheckedCell checked = frontend.check(cell);
    areAllGood = areAllGood && checked.isGood;
    if (checked.isGood)
      checkGoodCell(program, checked, bytes);
    if (!hasErrors && !checked.choices.empty())
      checkLastAlternatives(frontend, cell, checked, bytes);
  }
  require(hasErrors || areAllGood, "a cell that is not good has an error", bytes);
  std::string problems = frontend.renderProblems();
  require(!hasErrors || !problems.empty(), "errors are printed", bytes);
  checkFormatted(frontend, bytes);
}

} // namespace cellwright
