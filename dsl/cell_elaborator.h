// One cell: its declarations, then its statements in order; what they leave is checked and handed
// over to be finished.
#pragma once

#include "dsl/cell_finisher.h"
#include "dsl/declaration_elaborator.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class CellElaborator : private DeclarationElaborator {
public:
  constexpr CellElaborator(Program &program, ElaborationTables &tables, const Settings &settings)
      : DeclarationElaborator(program, tables, settings) {}

  /// Checks a cell; false after diagnostics. `isLive` tells for each statement whether something
  /// depends on it. A cell with choices may hold what some alternatives do not need.
  constexpr bool elaborate(CellId id, const std::vector<FlatStatement> &statements, bool hasChoices,
                           Cell &result, Flags &isLive) {
    flat = &statements;
    isSpace = hasChoices;
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

  /// An `init` of a parameter that the chosen alternatives do not make.
  struct LostInit {
    Text param;
    Loc loc;
  };
  std::vector<LostInit> lostInits;
  std::vector<Loc> keptInits; // of parameters that are there

private:
  bool isDerived = false;
  bool isSpace = false;
  int errorsBefore = 0;
  std::vector<Loc> writtenInits; // by parameter: an `init` that is not inherited

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

  //===-- Elaborating -------------------------------------------------------------------------===//

  constexpr void elaborateAll(CellId id) {
    for (const FlatStatement &statement : *flat) {
      Frame top = frameOf(statement);
      frame = &top;
      StatementElaborator::elaborate(statement);
    }
    elaborateLate();
    checkCellFns();
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
    writtenInits.assign(cell.params.size(), Loc{});
    bool hasErrors = program.diagnostics.errorCount() != errorsBefore || hasBrokenStatement();
    for (const PendingInit &init : inits) {
      int32_t param = findParam(init.param);
      if (param < 0) {
        if (init.isInherited || hasErrors) // the statement that makes it may be wrong
          continue;
        if (isSpace)
          lostInits.push_back({init.param, init.loc});
        else
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
      if (isSpace)
        keptInits.push_back(init.loc);
      if (!init.isInherited)
        writtenInits[param] = init.loc;
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
      if (!isExcused(i))
        report(Id::UnassignedState, cell.states[i].loc,
               makeText("state `", cell.states[i].name,
                        "` is never assigned; a cell assigns every state exactly once"));
    bool hasOutput =
        outputName.name != kNoName || hasState() || hasBrokenStatement() || cell.name.empty();
    if (!hasOutput)
      report(Id::NoOutput, program.locOf(id),
             makeText("cell `", cell.name, "` has no state and needs an `output`"));
    if (outputName.name == kNoName && !cell.states.empty())
      cell.output = cell.states[0].next;
  }

  /// Whether a state is assigned, or another message says why it is not: its prime is missing, its
  /// name is misspelt, text that mentions it could not be parsed.
  constexpr bool isExcused(size_t state) const {
    NameId name = program.names.find(cell.states[state].name);
    return nextAssignments[state].isAssigned || nextAssignments[state].isMisspelt || isLost(name) ||
           tables.assigned.find(name) >= 0;
  }

  constexpr bool hasState() const {
    for (const FlatStatement &statement : *flat)
      if (statementAt(statement).kind == StatementKind::State)
        return true;
    return false;
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
      warnUnusedInits(finisher);
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
      isLive.push_back(!isDead && !isGone(statement));
      if (isDerived || isSpace)
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

  constexpr void warnUnusedInits(const CellFinisher &finisher) {
    Flags isUsed(cell.params.size(), false);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      if (cell.ops[i].kind == OpKind::Param && finisher.isLive(static_cast<ValueId>(i)))
        isUsed[cell.ops[i].index] = true;
    for (size_t i = 0; i < cell.params.size(); ++i)
      if (writtenInits[i].isKnown() && !isUsed[i] && !isSpace)
        program.diagnostics.warning(
            Id::Unused, writtenInits[i],
            makeText("parameter `", cell.params[i].name,
                     "` does not exist: neither a next state nor the output depends on it"));
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
