// One cell: collects what its statements declare, elaborates them in order, and hands over the cell
// to be finished. What one gets wrong: names of dimensions come first (all of them), then options,
// then the equations of `require`, then shapes, and only then statements.
#pragma once

#include "dsl/cell_finisher.h"
#include "dsl/reads.h"
#include "dsl/statement_elaborator.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class CellElaborator : private StatementElaborator {
public:
  constexpr CellElaborator(Program &program, ElaborationTables &tables, const Settings &settings)
      : StatementElaborator(program, tables, settings) {}

  /// Checks a cell; false after diagnostics. `isLive` tells for each statement whether something
  /// depends on it.
  constexpr bool elaborate(CellId id, const std::vector<FlatStatement> &statements, Cell &result,
                           Flags &isLive) {
    flat = &statements;
    errorsBefore = program.diagnostics.errorCount();
    cell.name = program.nameOf(id);
    cell.loc = program.locOf(id);
    isDerived = program.syntaxOf(id).parent.name != kNoName;
    markLostNames();
    declareAll();
    elaborateAll(id);
    bool isGood = program.diagnostics.errorCount() == errorsBefore && !hasBrokenStatement();
    isGood = isGood && finish(isLive);
    tables.clear();
    if (isGood)
      result = std::move(cell);
    return isGood;
  }

private:
  const std::vector<FlatStatement> *flat = nullptr;
  bool isDerived = false;
  int errorsBefore = 0;

  constexpr bool hasBrokenStatement() const {
    for (const FlatStatement &statement : *flat)
      for (int32_t i = statement.statement;
           i < program.files[statement.file].next(statement.statement); ++i)
        if (program.files[statement.file].statements[i].isBroken)
          return true;
    return false;
  }

  /// Names in text that could not be parsed may be meant to be defined there.
  constexpr void markLostNames() {
    if (!tables.isLost.empty())
      return;
    tables.isLost.resize(program.names.size() + 1, false);
    for (const Syntax &syntax : program.files)
      for (NameId name : syntax.lostNames)
        tables.isLost[name] = true;
  }

  //===-- Declaring ---------------------------------------------------------------------------===//

  constexpr void declareAll() {
    for (const FlatStatement &statement : *flat)
      declareStatement(statement);
    for (const FlatStatement &statement : *flat)
      declareDimensions(statement);
    for (const FlatStatement &statement : *flat)
      checkAssignedOnce(statement);
    atStatements(StatementKind::Option, &CellElaborator::ensure);
    atStatements(StatementKind::Require, &CellElaborator::require);
    for (StatementKind kind : {StatementKind::Input, StatementKind::State, StatementKind::Param})
      atStatements(kind, &CellElaborator::ensure);
  }

  using Visit = void (CellElaborator::*)(const FlatStatement &);
  constexpr void atStatements(StatementKind kind, Visit visit) {
    for (const FlatStatement &statement : *flat)
      if (statementAt(statement).kind == kind) {
        Frame top = frameOf(statement);
        frame = &top;
        (this->*visit)(statement);
        frame = nullptr;
      }
  }

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

  static constexpr bool isFnParam(const Syntax &syntax, const Statement &fn, NameId name) {
    for (int32_t i = 0; i < fn.paramCount; ++i)
      if (syntax.fnParams[fn.firstParam + i].name == name)
        return true;
    return false;
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
      tables.assignments.push_back(loc);
    }
  }

  //===-- require -----------------------------------------------------------------------------===//

  constexpr void require(const FlatStatement &statement) {
    const Statement &at = statementAt(statement);
    if (at.isBroken)
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

  //===-- Elaborating -------------------------------------------------------------------------===//

  constexpr void elaborateAll(CellId id) {
    for (const FlatStatement &statement : *flat) {
      Frame top = frameOf(statement);
      frame = &top;
      StatementElaborator::elaborate(statement);
    }
    for (const FlatStatement &statement : *flat) {
      Frame top = frameOf(statement);
      frame = &top;
      const Statement &at = statementAt(statement);
      if (at.kind == StatementKind::Init)
        elaborateInit(statement);
      int32_t symbol = at.kind == StatementKind::Param ? tables.symbols.find(at.name.name) : -1;
      bool isParam = symbol >= 0 && symbols[symbol].kind == SymbolKind::Param && !at.isBroken;
      if (isParam && symbols[symbol].value != kNoValue)
        initializeParam(at, symbols[symbol].index);
    }
    Frame top;
    top.syntax = &program.files[program.cells[id].file];
    frame = &top;
    applyInits();
    checkStates(id);
    frame = nullptr;
  }

  constexpr void applyInits() {
    std::vector<Loc> applied(cell.params.size(), Loc{});
    bool hasErrors = program.diagnostics.errorCount() != errorsBefore || hasBrokenStatement();
    for (const PendingInit &init : inits) {
      int32_t param = findParam(init.param);
      if (param < 0) {
        if (!init.isInherited && !hasErrors) // the statement that makes it may be wrong
          reportUnknownParam(init);
        continue;
      }
      if (applied[param].isKnown()) {
        report(Id::DuplicateName, init.loc,
               makeText("parameter `", init.param, "` is initialized twice"))
            .note(applied[param], "first initialized here");
        continue;
      }
      applied[param] = init.loc;
      if (!checkInitializer(init.initializer, cell.params[param].shape, init.loc))
        continue;
      cell.params[param].initializer = init.initializer;
      cell.params[param].frozen |= init.isFrozen;
    }
  }

  constexpr void reportUnknownParam(const PendingInit &init) {
    Suggestion suggestion(init.param, program.budget);
    suggestion.considerAll(cell.params, [](const Param &param) { return param.name.view(); });
    report(Id::UnknownParameter, init.loc,
           makeText("unknown parameter `", init.param, "`", suggestion.text()));
  }

  constexpr void checkStates(CellId id) {
    if (isStopped)
      return;
    for (size_t i = 0; i < cell.states.size(); ++i)
      if (!nextAssignments[i].isAssigned && !hasLostAssignment(cell.states[i].name))
        report(Id::UnassignedState, cell.states[i].loc,
               makeText("state `", cell.states[i].name,
                        "` is never assigned; a cell assigns every state exactly once"));
    bool hasOutput = outputName.name != kNoName || !cell.states.empty() || hasBrokenStatement() ||
                     cell.name.empty();
    if (!hasOutput)
      report(Id::NoOutput, program.locOf(id),
             makeText("cell `", cell.name, "` has no state and needs an `output`"));
    if (outputName.name == kNoName && !cell.states.empty())
      cell.output = cell.states[0].next;
  }

  /// Whether text that could not be parsed mentions a state.
  constexpr bool hasLostAssignment(std::string_view name) const {
    NameId id = program.names.find(name);
    return id != kNoName && isLost(id);
  }

  constexpr bool finish(Flags &isLive) {
    Frame top;
    top.syntax = &program.files[cell.loc.file];
    frame = &top;
    CellFinisher finisher(program, cell, solver);
    bool isGood = finisher.settle();
    if (isGood)
      isGood = reportOpenSizes(finisher.findOpenSizes()) && finisher.checkSizes();
    if (isGood) {
      markLive(finisher, isLive);
      finisher.compact();
    }
    frame = nullptr;
    return isGood;
  }

  constexpr bool reportOpenSizes(const std::vector<AtomId> &atoms) {
    std::vector<NameId> names(cell.sizes.atomCount(), kNoName);
    for (const NamedValue &value : namedValues)
      if (value.value != kNoValue && shapeOf(value.value).rank == 1)
        if (AtomId atom = cell.sizes.plainAtom(shapeOf(value.value).rows);
            atom != kNoAtom && names[atom] == kNoName)
          names[atom] = value.name;
    for (AtomId atom : atoms) {
      std::string_view name = nameText(names[atom]);
      if (name.empty())
        report(Id::OpenSize, solver.origin(atom),
               "nothing fixes the size of this value; give it a name and a size of its own: `m[K] "
               "= ...`");
      else
        report(
            Id::OpenSize, solver.origin(atom),
            makeText("nothing fixes the size of `", name, "`; give it one: `", name, "[K] = ...`"));
    }
    return atoms.empty();
  }

  //===-- What is used ------------------------------------------------------------------------===//

  /// Finds the statements that something depends on, and warns of the others in a cell that is
  /// written out.
  constexpr void markLive(const CellFinisher &finisher, Flags &isLive) {
    HashIndex index;
    std::vector<int32_t> firstOf; // by entry: a named value of the statement
    Flags isUsed;
    for (size_t i = 0; i < namedValues.size(); ++i) {
      const FlatStatement &statement = namedValues[i].statement;
      uint32_t hash = mixHash(static_cast<uint32_t>(statement.file),
                              static_cast<uint64_t>(statement.statement));
      int32_t entry = index.find(hash, [&](int32_t k) {
        const FlatStatement &other = namedValues[firstOf[k]].statement;
        return other.file == statement.file && other.statement == statement.statement;
      });
      if (entry < 0) {
        entry = static_cast<int32_t>(firstOf.size());
        index.insert(hash, entry);
        firstOf.push_back(static_cast<int32_t>(i));
        isUsed.push_back(false);
      }
      isUsed[entry] = isUsed[entry] || isUsedValue(finisher, namedValues[i]);
    }
    auto isUnused = [&](FileId file, int32_t statement) {
      int32_t entry = index.find(
          mixHash(static_cast<uint32_t>(file), static_cast<uint64_t>(statement)), [&](int32_t k) {
            const FlatStatement &other = namedValues[firstOf[k]].statement;
            return other.file == file && other.statement == statement;
          });
      return entry >= 0 && !isUsed[entry];
    };
    for (const FlatStatement &statement : *flat) {
      bool isDead =
          isUnused(statement.file, statement.statement) || isUnusedDeclaration(finisher, statement);
      isLive.push_back(!isDead);
      if (isDerived)
        continue;
      const Syntax &syntax = program.files[statement.file];
      if (isDead)
        warnUnused(syntax, syntax.statements[statement.statement]);
      for (int32_t i = statement.statement + 1; i < syntax.next(statement.statement); ++i)
        if (isUnused(statement.file, i))
          warnUnused(syntax, syntax.statements[i]);
    }
  }

  constexpr bool isUsedValue(const CellFinisher &finisher, const NamedValue &value) const {
    bool isOutput = outputName.name == value.name;
    return finisher.isLive(value.value) && (isOutput || tables.reads.find(value.name) > 0);
  }

  constexpr bool isUnusedDeclaration(const CellFinisher &finisher,
                                     const FlatStatement &statement) const {
    const Statement &at = statementAt(statement);
    if (at.kind != StatementKind::Input && at.kind != StatementKind::Param)
      return false;
    const Symbol &symbol = symbols[tables.symbols.find(at.name.name)];
    return !finisher.isLive(symbol.value);
  }

  constexpr void warnUnused(const Syntax &syntax, const Statement &statement) {
    std::string_view what = statement.kind == StatementKind::Input   ? "input"
                            : statement.kind == StatementKind::Param ? "parameter"
                                                                     : "value";
    program.diagnostics.warning(
        Id::Unused, syntax.loc(statement.name),
        makeText(what, " `", nameText(statement.name.name),
                 "` is not used: neither a next state nor the output depends on it"));
  }
};

} // namespace cellwright
