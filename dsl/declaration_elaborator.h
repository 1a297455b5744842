// What the statements of a cell declare, before any of them is elaborated: names, functions,
// dimensions, the equations of `require`. What one gets wrong: names of dimensions come first (all
// of them), then options, then the equations of `require`, then shapes.
#pragma once

#include "dsl/reads.h"
#include "dsl/statement_elaborator.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class DeclarationElaborator : public StatementElaborator {
protected:
  using StatementElaborator::StatementElaborator;

  const std::vector<FlatStatement> *flat = nullptr; // the cell's statements

  constexpr void declareAll() {
    for (const FlatStatement &statement : *flat)
      declareStatement(statement);
    for (const FlatStatement &statement : *flat)
      declareDimensions(statement);
    for (const FlatStatement &statement : *flat)
      checkAssignedOnce(statement);
    isRecursiveCellFn = findRecursion(program, cellFns, [&](size_t, NameId name) {
      return isBuiltIn(name) ? -1 : tables.cellFns.find(name);
    });
    findLate();
    elaborateDeclarations(false);
  }

  /// Elaborates the declarations that need the size of a value that a statement makes, as far as no
  /// statement needed them.
  constexpr void elaborateLate() { elaborateDeclarations(true); }

  /// Checks functions that nobody called. Inherited ones may be there for what a child replaced.
  constexpr void checkCellFns() {
    for (const FlatStatement &statement : *flat) {
      const Statement &at = statementAt(statement);
      if (at.kind != StatementKind::Fn || statement.isInherited || at.isBroken)
        continue;
      Frame inner = frameOf(statement);
      inner.kind = FrameKind::CellFn;
      inner.fn = {statement.file, statement.statement};
      frame = &inner;
      checkFnParams(program, inner.fn);
      forEachName(*inner.syntax, at.value, false, [&](const Node &name, bool isSize) {
        if (!isSize && !isFnParam(*inner.syntax, at, name.name))
          checkFnName(static_cast<int32_t>(&name - inner.syntax->nodes.data()));
      });
      for (int32_t i = at.value.first; i <= at.value.root; ++i)
        if (NameId name = node(i).name;
            node(i).kind == NodeKind::Call && !isBuiltIn(name) && findFn(name).statement < 0)
          rejectCall(i);
      frame = nullptr;
    }
  }

private:
  Flags isLate; // by statement: whether it waits for values; empty if none does

  constexpr void checkFnName(int32_t index) {
    if (node(index).kind == NodeKind::NextState) {
      evaluateNext(index);
      return;
    }
    const Symbol *symbol = findSymbol(node(index).name);
    if (symbol == nullptr || symbol->kind >= SymbolKind::Counter)
      rejectName(index, symbol != nullptr);
  }

  //===-- Order -------------------------------------------------------------------------------===//

  constexpr void elaborateDeclarations(bool late) {
    if (late && isLate.empty())
      return;
    for (StatementKind kind : {StatementKind::Option, StatementKind::Require, StatementKind::Input,
                               StatementKind::State, StatementKind::Param})
      for (size_t i = 0; i < flat->size(); ++i) {
        const FlatStatement &statement = (*flat)[i];
        bool isItsTurn = isLate.empty() || isLate[i] == late;
        if (!isItsTurn || statementAt(statement).kind != kind)
          continue;
        Frame top = frameOf(statement);
        frame = &top;
        if (kind == StatementKind::Require)
          require(statement);
        else
          ensure(statement);
        frame = nullptr;
      }
  }

  /// Calls `visit(symbol, isMade)` for what a declaration needs for its size or number: a declared
  /// name, or -1; whether it is a value that a statement makes.
  template <class Visit>
  constexpr void forEachNeed(const FlatStatement &statement, Visit visit) const {
    const Statement &at = statementAt(statement);
    const Syntax &syntax = program.files[statement.file];
    bool isRequire = at.kind == StatementKind::Require;
    if (!isRequire && (at.kind > StatementKind::Option || at.kind == StatementKind::Init))
      return;
    auto visitName = [&](const Node &name, bool isSize) {
      int32_t symbol = tables.symbols.find(name.name);
      bool isMade = !isSize && (name.kind == NodeKind::NextState ||
                                (symbol < 0 && tables.assigned.find(name.name) >= 0));
      if (isSize && symbol >= 0 && symbols[symbol].kind != SymbolKind::Option)
        symbol = -1; // a dimension of the same name
      visit(symbol, isMade);
    };
    forEachName(syntax, at.rows, true, visitName);
    forEachName(syntax, at.columns, true, visitName);
    if (isRequire || at.kind == StatementKind::Option)
      forEachName(syntax, at.value, isRequire, visitName);
    if (isRequire)
      forEachName(syntax, at.second, true, visitName);
  }

  /// Finds the declarations that need the size of a value that statements make, directly or by
  /// others.
  constexpr void findLate() {
    std::vector<size_t> late;
    std::vector<std::vector<size_t>> needers(symbols.size());
    for (size_t i = 0; i < flat->size(); ++i)
      forEachNeed((*flat)[i], [&](int32_t needed, bool isMade) {
        if (needed >= 0)
          needers[needed].push_back(i);
        if (isMade)
          late.push_back(i);
      });
    if (!late.empty())
      isLate.resize(flat->size(), false);
    while (!late.empty()) {
      size_t i = late.back();
      late.pop_back();
      if (isLate[i])
        continue;
      isLate[i] = true;
      int32_t symbol = tables.symbols.find(statementAt((*flat)[i]).name.name);
      if (statementAt((*flat)[i]).kind != StatementKind::Require && symbol >= 0)
        late.insert(late.end(), needers[symbol].begin(), needers[symbol].end());
    }
  }

  //===-- Names -------------------------------------------------------------------------------===//

  constexpr void ensure(const FlatStatement &statement) {
    int32_t symbol = tables.symbols.find(statementAt(statement).name.name);
    if (statementAt(statement).name.name != kNoName && symbol >= 0)
      ensureDeclared(symbol);
  }

  constexpr void declareStatement(const FlatStatement &statement) {
    const Statement &at = statementAt(statement);
    Frame top = frameOf(statement);
    frame = &top;
    switch (at.kind) {
    case StatementKind::Input:
      declareName(statement, SymbolKind::Input, cell.inputs.size());
      break;
    case StatementKind::State:
      declareName(statement, SymbolKind::State, cell.states.size());
      break;
    case StatementKind::Param:
      declareName(statement, SymbolKind::Param, cell.params.size());
      break;
    case StatementKind::Option:
      declareName(statement, SymbolKind::Option, cell.options.size());
      break;
    case StatementKind::Fn:
      declareFn(statement);
      break;
    default:
      break;
    }
    frame = nullptr;
  }

  constexpr void declareName(const FlatStatement &statement, SymbolKind kind, size_t index) {
    const Statement &at = statementAt(statement);
    Loc loc = frame->syntax->loc(at.name);
    if (at.name.name == kNoName)
      return;
    if (const Symbol *known = findSymbol(at.name.name)) {
      report(Id::DuplicateName, loc, makeText("`", nameText(at.name.name), "` is declared twice"))
          .note(known->loc, "first declared here");
      if (kind == SymbolKind::State && known->kind != kind)
        clashedStates.set(at.name.name, 1);
      return;
    }
    Text name = nameText(at.name.name);
    switch (kind) {
    case SymbolKind::Input:
      cell.inputs.push_back({name, {}, at.perSequence, loc});
      break;
    case SymbolKind::State:
      cell.states.push_back({name, {}, kNoValue, loc});
      nextAssignments.push_back({});
      break;
    case SymbolKind::Param: {
      Param param;
      param.name = name;
      param.loc = loc;
      addParam(std::move(param), {-1, statement.isInherited});
      break;
    }
    default:
      cell.options.push_back({name, kNoValue, loc});
      break;
    }
    Symbol symbol;
    symbol.kind = kind;
    symbol.name = at.name.name;
    symbol.loc = loc;
    symbol.index = static_cast<int32_t>(index);
    symbol.progress = Progress::Waiting;
    symbol.declaration = statement;
    addSymbol(std::move(symbol));
  }

  constexpr void declareFn(const FlatStatement &statement) {
    const Statement &at = statementAt(statement);
    Loc loc = frame->syntax->loc(at.name);
    if (at.name.name == kNoName)
      return;
    if (isBuiltIn(at.name.name)) {
      report(Id::BuiltInName, loc,
             makeText("`", nameText(at.name.name), "` is a built-in function"));
      return;
    }
    if (int32_t known = tables.cellFns.find(at.name.name); known >= 0) {
      FnRef first = cellFns[known];
      report(Id::DuplicateName, loc,
             makeText("function `", nameText(at.name.name), "` is defined twice"))
          .note(program.files[first.file].loc(program.statementOf(first).name),
                "first defined here");
      return;
    }
    tables.cellFns.set(at.name.name, static_cast<int32_t>(cellFns.size()));
    cellFns.push_back({statement.file, statement.statement});
  }

  //===-- Dimensions --------------------------------------------------------------------------===//

  /// Enters the names of dimensions that a statement mentions: those of declarations are sizes of
  /// their own, those of intermediate values and slices may turn out to be any size.
  constexpr void declareDimensions(const FlatStatement &statement) {
    const Syntax &syntax = program.files[statement.file];
    noteCounters(statement);
    for (int32_t i = statement.statement; i < syntax.next(statement.statement); ++i) {
      const Statement &at = syntax.statements[i];
      bool isFlexible = at.kind == StatementKind::Assign || at.kind == StatementKind::Output;
      auto visitSize = [&](const Node &node, bool isSize) {
        if (isSize)
          addDimension(syntax, node, isFlexible);
      };
      auto visitSlice = [&](const Node &node, bool isSize) {
        if (isSize)
          addDimension(syntax, node, true);
      };
      if (at.isBroken)
        continue;
      forEachName(syntax, at.rows, true, visitSize);
      forEachName(syntax, at.columns, true, visitSize);
      if (at.kind != StatementKind::Repeat && at.kind != StatementKind::Require &&
          at.kind != StatementKind::Fn)
        forEachName(syntax, at.value, false, visitSlice);
      if (at.kind == StatementKind::Fn)
        forEachName(syntax, at.value, false, [&](const Node &node, bool isSize) {
          if (isSize && !isFnParam(syntax, at, node.name))
            addDimension(syntax, node, true);
        });
    }
  }

  constexpr void addDimension(const Syntax &syntax, const Node &node, bool isFlexible) {
    int32_t symbol = tables.symbols.find(node.name);
    bool isNumber = symbol >= 0 && symbols[symbol].kind == SymbolKind::Option;
    if (isNumber || node.kind != NodeKind::Name || tables.counters.find(node.name) > 0)
      return;
    int32_t known = tables.dimensions.find(node.name);
    if (known >= 0) {
      if (!isFlexible)
        solver.addDimension(atomOf(known), false, cell.dimensions[known].loc);
      return;
    }
    auto index = static_cast<int32_t>(cell.dimensions.size());
    AtomId atom = cell.sizes.addAtom(
        {.kind = AtomKind::Dimension, .index = index, .name = nameText(node.name)});
    solver.addDimension(atom, isFlexible, syntax.loc(node));
    tables.dimensions.set(node.name, index);
    cell.dimensions.push_back({nameText(node.name), cell.sizes.ofAtom(atom), syntax.loc(node)});
  }

  /// Dimensions are the first atoms, in their own order.
  static constexpr AtomId atomOf(int32_t dimension) { return dimension; }

  /// Counters of a `repeat` and of those in it are numbers there.
  constexpr void noteCounters(const FlatStatement &statement) {
    const Syntax &syntax = program.files[statement.file];
    tables.counters.clear();
    for (int32_t i = statement.statement; i < syntax.next(statement.statement); ++i)
      if (syntax.statements[i].kind == StatementKind::Repeat &&
          syntax.statements[i].name.name != kNoName)
        tables.counters.set(syntax.statements[i].name.name, 1);
  }

  //===-- Assignments -------------------------------------------------------------------------===//

  /// Reports names that one list of statements assigns twice, and notes where names are assigned.
  constexpr void checkAssignedOnce(const FlatStatement &statement) {
    const Syntax &syntax = program.files[statement.file];
    const Statement &top = statementAt(statement);
    if (top.kind == StatementKind::Assign || top.kind == StatementKind::Output)
      noteAssignment(syntax, top, 0);
    if (top.kind != StatementKind::Repeat)
      return;
    std::vector<int32_t> ends = {top.bodyEnd};
    std::vector<int32_t> lists = {++listCount};
    for (int32_t i = statement.statement + 1; i < top.bodyEnd; ++i) {
      while (ends.back() <= i) {
        ends.pop_back();
        lists.pop_back();
      }
      const Statement &at = syntax.statements[i];
      if (at.kind == StatementKind::Assign)
        noteAssignment(syntax, at, lists.back());
      if (at.kind == StatementKind::Repeat) {
        ends.push_back(at.bodyEnd);
        lists.push_back(++listCount);
      }
    }
  }

  struct ListedName {
    NameId name = kNoName;
    int32_t list = 0;
    Loc loc;
  };
  std::vector<ListedName> listedNames;
  HashIndex listedIndex;
  int32_t listCount = 0;

  constexpr void noteAssignment(const Syntax &syntax, const Statement &statement, int32_t list) {
    NameId name = statement.name.name;
    if (name == kNoName)
      return;
    Loc loc = syntax.loc(statement.name);
    uint32_t hash = mixHash(static_cast<uint32_t>(name), static_cast<uint64_t>(list));
    int32_t known = listedIndex.find(hash, [&](int32_t i) {
      return listedNames[i].name == name && listedNames[i].list == list;
    });
    if (known >= 0) {
      program.diagnostics
          .error(Id::DuplicateName, loc, makeText("`", nameText(name), "` is assigned twice"))
          .note(listedNames[known].loc, "first assigned here");
      return;
    }
    listedIndex.insert(hash, static_cast<int32_t>(listedNames.size()));
    listedNames.push_back({name, list, loc});
    if (tables.assigned.find(name) < 0) {
      tables.assigned.set(name, static_cast<int32_t>(tables.assignments.size()));
      tables.assignments.push_back({loc, list != 0});
    }
  }

  //===-- require -----------------------------------------------------------------------------===//

  constexpr void require(const FlatStatement &statement) {
    const Statement &at = statementAt(statement);
    if (at.isBroken || isGone(statement))
      return;
    Number left = evaluateNumber(at.value, NumberUse::Require);
    Number right = evaluateNumber(at.second, NumberUse::Require);
    if (left.kind == Number::Kind::Bad || right.kind == Number::Kind::Bad)
      return;
    Require entry;
    entry.loc = frame->syntax->loc(at);
    entry.comparison = at.comparison;
    entry.text = textOf({frame->syntax->file, at.begin, node(at.second.root).end});
    if (at.whyEnd > at.why + 2)
      entry.why = program.sources.text({frame->syntax->file, at.why + 1, at.whyEnd - 1});
    bool areSizes = left.kind == Number::Kind::Size && right.kind == Number::Kind::Size;
    if (areSizes && at.comparison == Comparison::Equal)
      if (solver.require(left.size, right.size, entry.loc) == Unification::Mismatch) {
        rejectRequire(entry, left, right);
        return;
      }
    entry.left = constantOf(left, entry.loc);
    entry.right = constantOf(right, entry.loc);
    if (entry.left == kNoValue || entry.right == kNoValue)
      return;
    const Op &a = cell.ops[entry.left];
    const Op &b = cell.ops[entry.right];
    bool areNumbers = a.kind == OpKind::Number && b.kind == OpKind::Number;
    if (areNumbers && !compare(a.number, entry.comparison, b.number)) {
      rejectRequire(entry, left, right);
      return;
    }
    cell.requirements.push_back(std::move(entry));
  }

protected:
  /// Whether a require is inherited and about something that the cell has no more.
  constexpr bool isGone(const FlatStatement &statement) const {
    const Statement &at = statementAt(statement);
    if (!statement.isInherited || at.kind != StatementKind::Require)
      return false;
    bool isMissing = false;
    auto visit = [&](const Node &name, bool isSize) {
      int32_t symbol = tables.symbols.find(name.name);
      bool isOption = symbol >= 0 && symbols[symbol].kind == SymbolKind::Option;
      bool isKnown = isSize ? isOption || tables.dimensions.find(name.name) >= 0
                            : symbol >= 0 || tables.assigned.find(name.name) >= 0;
      isMissing = isMissing || !isKnown;
    };
    forEachName(program.files[statement.file], at.value, true, visit);
    forEachName(program.files[statement.file], at.second, true, visit);
    return isMissing;
  }

private:
  /// The text of a place with its spaces and line ends made single spaces.
  constexpr Text textOf(Loc loc) const {
    Text text;
    for (char character : program.sources.text(loc)) {
      bool isBlank =
          character == ' ' || character == '\t' || character == '\n' || character == '\r';
      if (!isBlank)
        text += character;
      else if (!text.empty() && text.view().back() != ' ')
        text += ' ';
    }
    return text;
  }

  constexpr void rejectRequire(const Require &entry, const Number &left, const Number &right) {
    Text message = makeText("`", entry.text, "` does not hold, its sides are ", numberText(left),
                            " and ", numberText(right));
    if (!entry.why.empty())
      message += makeText(": ", entry.why);
    report(Id::RequireFailed, entry.loc, std::move(message));
  }

  constexpr Text numberText(const Number &number) {
    if (number.kind == Number::Kind::Size)
      return sizeText(number.size);
    return makeText(number.real);
  }
};

} // namespace cellwright
