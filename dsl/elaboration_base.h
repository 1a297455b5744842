// What all parts of elaboration share: the cell that is being made, the names in scope, the chain
// of inlined functions, and how problems are reported. A value that could not be made is kNoValue,
// and whatever is made from it is silently kNoValue too.
#pragma once

#include "dsl/cell.h"
#include "dsl/derive.h"
#include "dsl/program.h"
#include "dsl/settings.h"
#include "dsl/size_solver.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

inline constexpr int kMaxOperations = 200'000;
inline constexpr int kMaxMicroSteps = 10'000;
inline constexpr int64_t kMaxSteps = 2'000'000;     // names and operators evaluated for one cell
inline constexpr int64_t kMaxFileSteps = 4'000'000; // and for all cells of a file

/// The result of an expression.
struct Value {
  ValueId op = kNoValue;
  NameId plain = kNoName;    // the bare name that was written
  bool isState = false;      // which is a state's, or its next value's
  bool isPositive = false;   // a condition, `expr > 0`
  NameId argument = kNoName; // the name of a named argument
  NameId word = kNoName;     // and its value, if that is a word
};

enum class SymbolKind : uint8_t { Input, State, Param, Option, Counter, Local };

enum class Progress : uint8_t { Waiting, Running, Done };

struct Symbol {
  SymbolKind kind = SymbolKind::Local;
  NameId name = kNoName;
  ValueId value = kNoValue;
  Loc loc;
  int32_t index = 0;                  // in the cell's inputs, states, params or options
  int32_t depth = 0;                  // how many `repeat` are around it
  Progress progress = Progress::Done; // of a declaration's size or number
  FlatStatement declaration;
};

enum class FrameKind : uint8_t { Statement, CellFn, FileFn };

/// Where an expression stands: in a statement, or in a function inlined there.
struct Frame {
  const Syntax *syntax = nullptr;
  FrameKind kind = FrameKind::Statement;
  FnRef fn;
  Loc call;
  int32_t firstArgument = 0;
  const Frame *caller = nullptr;
  int depth = 0;
  bool isDeclaration = false; // which holds for the whole cell, so it sees nothing of a `repeat`
};

/// Tables that are kept from cell to cell, since they are as long as the names of all files.
struct ElaborationTables {
  NameMap symbols;
  NameMap arguments;
  NameMap dimensions;
  NameMap cellFns;
  NameMap counters; // of the `repeat` at hand
  NameMap reads;    // names that some expression reads
  NameMap assigned; // names that statements assign, by index into `assignments`
  struct Assignment {
    Loc loc;
    bool isInRepeat = false;
  };
  std::vector<Assignment> assignments;
  Flags isLost;                      // names in text that could not be parsed
  std::vector<int64_t> stepsOfFiles; // of all their cells
  FileId file = 0;                   // of the cell at hand

  constexpr int64_t &fileSteps() { return stepsOfFiles[static_cast<size_t>(file)]; }

  constexpr void clear() {
    for (NameMap *map : {&symbols, &arguments, &dimensions, &cellFns, &counters, &reads, &assigned})
      map->clear();
    assignments.clear();
  }
};

class ElaborationBase {
protected:
  constexpr ElaborationBase(Program &program, ElaborationTables &tables, const Settings &settings)
      : program(program), tables(tables), settings(settings), solver(cell.sizes) {}

  Program &program;
  ElaborationTables &tables;
  const Settings &settings;
  Cell cell;
  SizeSolver solver;
  std::vector<Symbol> symbols;
  std::vector<FnRef> cellFns;
  NameMap clashedStates; // states that could not be declared, which has been reported
  const Frame *frame = nullptr;
  int depth = 0; // how many `repeat` are open
  int64_t steps = 0;
  bool isStopped = false; // a limit was reached

  //===-- Places ------------------------------------------------------------------------------===//

  constexpr const Node &node(int32_t index) const { return frame->syntax->nodes[index]; }
  constexpr Loc locOf(int32_t index) const { return frame->syntax->loc(node(index)); }
  constexpr Loc signOf(int32_t index) const { return frame->syntax->signLoc(node(index)); }
  constexpr std::string_view nameText(NameId name) const { return program.names.text(name); }

  /// What stands at a place, cut if it is long.
  constexpr Text sourceText(Loc loc) const {
    constexpr size_t kMaxLength = 40;
    std::string_view text = program.sources.text(loc);
    if (text.size() <= kMaxLength)
      return text;
    return makeText(text.substr(0, kMaxLength), "...");
  }

  //===-- Problems ----------------------------------------------------------------------------===//

  /// Reports an error; inside a function, with the calls that lead there.
  constexpr Diagnostic &report(Id id, Loc loc, Text message) {
    constexpr int kMaxShownCalls = 3;
    Diagnostic &diagnostic = program.diagnostics.error(id, loc, std::move(message));
    const Frame *at = frame;
    for (int i = 0; i < kMaxShownCalls && at != nullptr && at->caller != nullptr; ++i) {
      diagnostic.note(at->call, makeText("in `", nameText(program.statementOf(at->fn).name.name),
                                         "`, called here"));
      at = at->caller;
    }
    if (const Variation &variation = program.variation;
        variation.place.isKnown() && !contains(variation.alternative, loc))
      diagnostic.note(variation.place, variation.note);
    return diagnostic;
  }

  static constexpr bool contains(const Loc &outer, const Loc &inner) {
    return outer.file == inner.file && outer.begin <= inner.begin && inner.end <= outer.end;
  }

  /// Counts a step of work; false when the cell has had too many.
  constexpr bool countStep(Loc loc) {
    if (isStopped)
      return false;
    if (++steps <= kMaxSteps && ++tables.fileSteps() <= kMaxFileSteps)
      return true;
    return stop(
        Id::TooManyOperations, loc,
        "this cell needs more work than 200,000 operations after inlining and unrolling, or "
        "its file more than 1,000,000, the limits");
  }

  constexpr bool stop(Id id, Loc loc, Text message) {
    report(id, loc, std::move(message));
    isStopped = true;
    return false;
  }

  //===-- Names -------------------------------------------------------------------------------===//

  constexpr Symbol *findSymbol(NameId name) {
    int32_t index = tables.symbols.find(name);
    return index < 0 ? nullptr : &symbols[index];
  }

  constexpr Symbol &addSymbol(Symbol symbol) {
    tables.symbols.set(symbol.name, static_cast<int32_t>(symbols.size()));
    symbols.push_back(std::move(symbol));
    return symbols.back();
  }

  static constexpr std::string_view kindText(SymbolKind kind) {
    constexpr std::string_view kTexts[] = {"an input",  "a state",   "a parameter",
                                           "an option", "a counter", "assigned"};
    return kTexts[static_cast<size_t>(kind)];
  }

  constexpr bool isLost(NameId name) const {
    return static_cast<size_t>(name) < tables.isLost.size() && tables.isLost[name];
  }

  constexpr Suggestion suggestValue(std::string_view name) {
    Suggestion suggestion(name, program.budget);
    if (frame->kind != FrameKind::Statement) {
      const Statement &fn = program.statementOf(frame->fn);
      for (int32_t i = 0; i < fn.paramCount; ++i)
        suggestion.consider(nameText(frame->syntax->fnParams[fn.firstParam + i].name));
    }
    if (frame->kind != FrameKind::FileFn)
      suggestion.considerAll(symbols, [&](const Symbol &symbol) { return nameText(symbol.name); });
    return suggestion;
  }

  //===-- Shapes ------------------------------------------------------------------------------===//

  constexpr const Shape &shapeOf(ValueId value) const { return cell.ops[value].shape; }
  constexpr Rate rateOf(ValueId value) const { return cell.ops[value].rate; }

  constexpr Text sizeText(SizeId size) { return cell.sizes.text(solver.resolve(size)); }

  /// `[H]`, `[H, I]`, or `a scalar`.
  constexpr Text shapeText(const Shape &shape) {
    if (shape.rank == 0)
      return "a scalar";
    if (shape.rank == 1)
      return makeText("[", sizeText(shape.rows), "]");
    return makeText("[", sizeText(shape.rows), ", ", sizeText(shape.columns), "]");
  }

  /// Makes two shapes agree; false if they cannot.
  constexpr bool agree(const Shape &a, const Shape &b, Loc loc) {
    if (a.rank != b.rank)
      return false;
    bool isSame = a.rank < 1 || solver.unify(a.rows, b.rows, loc) != Unification::Mismatch;
    if (a.rank == 2)
      isSame = solver.unify(a.columns, b.columns, loc) != Unification::Mismatch && isSame;
    return isSame;
  }

  /// Adds where an operand that is a bare name got its shape.
  constexpr void noteShape(Diagnostic &diagnostic, int32_t operand) {
    const Node &name = node(operand);
    if (name.kind != NodeKind::Name || frame->kind != FrameKind::Statement)
      return;
    const Symbol *symbol = findSymbol(name.name);
    if (symbol == nullptr || symbol->value == kNoValue)
      return;
    const Shape &shape = shapeOf(symbol->value);
    std::string_view how = symbol->kind == SymbolKind::Local ? "assigned" : "declared";
    std::string_view what = shape.rank == 0 ? "` " : "` ";
    diagnostic.note(symbol->loc,
                    makeText("`", nameText(name.name), what, how,
                             shape.rank == 0 ? " as " : " with shape ", shapeText(shape), " here"));
    AtomId atom = shape.rank == 1 ? cell.sizes.plainAtom(shape.rows) : kNoAtom;
    if (atom != kNoAtom && solver.solvedAt(atom).isKnown())
      diagnostic.note(solver.solvedAt(atom), "this fixed its size");
  }
};

} // namespace cellwright
