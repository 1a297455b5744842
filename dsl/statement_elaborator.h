// Statements to operations: declarations, whose sizes and numbers are worked out on first use since
// they hold wherever they stand; assignments in order; `repeat`, unrolled.
#pragma once

#include "dsl/call_elaborator.h"
#include "dsl/initializers.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class StatementElaborator : public CallElaborator {
protected:
  using CallElaborator::CallElaborator;

  /// `init` with its target found out, to be applied when all parameters exist.
  struct PendingInit {
    Text param;
    Initializer initializer;
    bool isFrozen = false;
    bool isInherited = false;
    Loc loc;
  };
  std::vector<PendingInit> inits;

  /// A name that a statement gave to a value, for the warnings about what is not used.
  struct NamedValue {
    FlatStatement statement; // top-level, or inside a repeat
    NameId name = kNoName;
    ValueId value = kNoValue;
  };
  std::vector<NamedValue> namedValues;

  struct NextAssignment {
    bool isAssigned = false;
    bool isMisspelt = false; // a statement seems to mean it
    Loc loc;
  };
  std::vector<NextAssignment> nextAssignments; // by state
  NameRef outputName;
  Loc outputLoc;

  constexpr bool isNextAssigned(int32_t state) const override {
    return nextAssignments[state].isAssigned;
  }

  //===-- Declarations ------------------------------------------------------------------------===//

  constexpr void ensureDeclared(int32_t index) override {
    if (symbols[index].progress == Progress::Done)
      return;
    const FlatStatement declaration = symbols[index].declaration;
    Frame top = frameOf(declaration);
    top.isDeclaration = true;
    const Statement &statement = statementAt(declaration);
    Loc loc = symbols[index].loc;
    bool isTooDeep = declarationDepth >= kMaxNesting;
    if (symbols[index].progress == Progress::Running || isTooDeep) {
      symbols[index].progress = Progress::Done;
      rejectDeclaration(symbols[index].name, loc, isTooDeep);
      return;
    }
    symbols[index].progress = Progress::Running;
    ++declarationDepth;
    const Frame *caller = std::exchange(frame, &top);
    Target outer = std::exchange(target, {});
    ValueId value = declare(statement, symbols[index].kind, symbols[index].index);
    target = outer;
    frame = caller;
    --declarationDepth;
    bool isBroken = symbols[index].progress == Progress::Done;
    symbols[index].progress = Progress::Done;
    symbols[index].value = isBroken ? kNoValue : value;
  }

  constexpr Frame frameOf(const FlatStatement &flat) const {
    Frame top;
    top.syntax = &program.files[flat.file];
    return top;
  }
  constexpr const Statement &statementAt(const FlatStatement &flat) const {
    return program.files[flat.file].statements[flat.statement];
  }

  //===-- Statements --------------------------------------------------------------------------===//

  /// Elaborates one statement of values; declarations are done by need. `frame` is the file's.
  constexpr void elaborate(const FlatStatement &flat) {
    const Statement &statement = statementAt(flat);
    if (isStopped || !countStep(frame->syntax->loc(statement)))
      return;
    target = {statement.name.name, ++statementCount};
    switch (statement.kind) {
    case StatementKind::Assign:
      assign(flat, statement);
      break;
    case StatementKind::AssignNext:
      assignNext(statement);
      break;
    case StatementKind::Output:
      assignOutput(flat, statement);
      break;
    case StatementKind::Repeat:
      repeat(flat, statement);
      break;
    case StatementKind::Param:
      if (depth > 0)
        declareInRepeat(flat, statement);
      break;
    default:
      break;
    }
    target = {};
  }

  /// Evaluates an `init` where it stands; its parameter may come later.
  constexpr void elaborateInit(const FlatStatement &flat) {
    const Statement &statement = statementAt(flat);
    if (statement.isBroken || isStopped)
      return;
    PendingInit init;
    init.param = makeText(nameText(statement.name.name), suffix);
    init.isFrozen = statement.isFrozen;
    init.isInherited = flat.isInherited;
    init.loc = frame->syntax->loc(statement.name);
    if (evaluateInitializer(statement, init.initializer))
      inits.push_back(std::move(init));
  }

  /// Whether an initializer fits a shape; reports it if not.
  constexpr bool checkInitializer(const Initializer &initializer, const Shape &shape, Loc loc) {
    for (const InitializerRow &row : kInitializers) {
      if (row.kind != initializer.kind || !row.isOfMatrices || shape.rank == 2)
        continue;
      report(Id::InitializerShape, loc,
             makeText("`", row.name, "` is for matrices, this is ", describe(shape)));
      return false;
    }
    return true;
  }

private:
  int declarationDepth = 0;
  int32_t statementCount = 0;
  int32_t microSteps = 0;

  constexpr void rejectDeclaration(NameId name, Loc loc, bool isTooDeep) {
    if (isTooDeep)
      report(Id::TooDeep, loc, makeText("declarations nest deeper than ", kMaxNesting, " levels"));
    else
      report(Id::OptionCycle, loc, makeText("`", nameText(name), "` needs its own value or size"));
  }

  /// The value of a declared name; kNoValue after a diagnostic.
  constexpr ValueId declare(const Statement &statement, SymbolKind kind, int32_t index) {
    if (statement.isBroken)
      return kNoValue;
    if (kind == SymbolKind::Option)
      return declareOption(statement, index);
    Shape shape;
    size_t divisions = cell.divisions.size();
    if (!evaluateShape(statement, shape))
      return kNoValue;
    if (kind == SymbolKind::Param) {
      ValueId param = declareParam(statement, index, shape);
      bindDivisions(divisions, param);
      return param;
    }
    if (shape.rank != 1) {
      rejectShape(statement, kind, shape);
      return kNoValue;
    }
    Op op;
    op.loc = frame->syntax->loc(statement.name);
    op.shape = shape;
    op.index = index;
    if (kind == SymbolKind::Input) {
      cell.inputs[index].shape = shape;
      op.kind = OpKind::Input;
      op.rate = statement.perSequence ? Rate::Sequence : Rate::Step;
    } else {
      cell.states[index].shape = shape;
      op.kind = OpKind::State;
      op.rate = Rate::Step;
    }
    return addOp(op);
  }

  constexpr void rejectShape(const Statement &statement, SymbolKind kind, const Shape &shape) {
    std::string_view name = nameText(statement.name.name);
    std::string_view thing = kind == SymbolKind::Input ? "input" : "state";
    Text message =
        makeText(thing, " `", name, "` is ", describe(shape), "; ", thing, "s are vectors");
    if (shape.rank == 0)
      message += makeText(": write `", name, "[1]` for one number");
    report(Id::NotAVector, frame->syntax->loc(statement.name), std::move(message));
  }

  constexpr bool evaluateShape(const Statement &statement, Shape &shape) {
    if (statement.rows.isEmpty())
      return true;
    shape.rank = statement.columns.isEmpty() ? 1 : 2;
    shape.rows = evaluateSize(statement.rows);
    if (shape.rank == 2)
      shape.columns = evaluateSize(statement.columns);
    return shape.rows != kNoSize && (shape.rank == 1 || shape.columns != kNoSize);
  }

  constexpr ValueId declareOption(const Statement &statement, int32_t index) {
    ValueId value = evaluateConstant(statement.value, "the default of this option");
    for (const Setting &setting : settings.options)
      if (setting.name == cell.options[index].name)
        value = addNumber(setting.number, cell.options[index].loc);
    cell.options[index].value = value;
    return value;
  }

  constexpr ValueId declareParam(const Statement &statement, int32_t index, const Shape &shape) {
    Param &param = cell.params[index];
    param.shape = shape;
    param.frozen = statement.isFrozen;
    param.initializer.kind = shape.rank == 2 ? InitializerKind::Glorot : InitializerKind::Zeros;
    return addParamOp(index);
  }

  //===-- Initializers ------------------------------------------------------------------------===//

  constexpr bool evaluateInitializer(const Statement &statement, Initializer &initializer) {
    NameRef name = statement.initializer;
    if (name.name == kNoName) {
      initializer.kind = InitializerKind::Constant;
      initializer.first = evaluateConstant(statement.value, "this initial value");
      return initializer.first != kNoValue;
    }
    int found = findInitializer(nameText(name.name));
    if (found < 0) {
      reportUnknownInitializer(name);
      return false;
    }
    const InitializerRow row = kInitializers[static_cast<size_t>(found)];
    if (row.arguments != statement.argumentCount) {
      report(Id::ArgumentCount, frame->syntax->loc(name),
             makeText("`", row.name, "` takes ", row.arguments,
                      row.arguments == 1 ? " argument, got " : " arguments, got ",
                      statement.argumentCount));
      return false;
    }
    initializer.kind = row.kind;
    if (row.arguments > 0)
      initializer.first = evaluateConstant(statement.value, "this argument of an initializer");
    if (row.arguments > 1)
      initializer.second = evaluateConstant(statement.second, "this argument of an initializer");
    return (row.arguments < 1 || initializer.first != kNoValue) &&
           (row.arguments < 2 || initializer.second != kNoValue);
  }

  constexpr void reportUnknownInitializer(NameRef name) {
    Suggestion suggestion(nameText(name.name), program.budget);
    for (const InitializerRow &row : kInitializers)
      suggestion.consider(row.name);
    report(Id::UnknownInitializer, frame->syntax->loc(name),
           makeText("unknown initializer `", nameText(name.name), "`", suggestion.text()));
  }

protected:
  /// Sets the initializer of a declared parameter; done when all values exist.
  constexpr void initializeParam(const Statement &statement, int32_t index) {
    bool isGiven = statement.initializer.name != kNoName || !statement.value.isEmpty();
    Initializer initializer;
    if (!isGiven || !evaluateInitializer(statement, initializer))
      return;
    NameRef name = statement.initializer;
    Loc loc = frame->syntax->loc(name.name == kNoName ? statement.name : name);
    if (checkInitializer(initializer, cell.params[index].shape, loc))
      cell.params[index].initializer = initializer;
  }

private:
  constexpr void declareInRepeat(const FlatStatement &flat, const Statement &statement) {
    NameRef name = statement.name;
    if (name.name == kNoName)
      return;
    Symbol symbol;
    symbol.kind = SymbolKind::Param;
    symbol.name = name.name;
    symbol.loc = frame->syntax->loc(name);
    symbol.depth = depth;
    symbol.declaration = flat;
    if (const Symbol *known = findSymbol(name.name)) {
      reportKnown(symbol.loc, *known);
      return;
    }
    Param param;
    param.name = makeText(nameText(name.name), suffix);
    param.loc = symbol.loc;
    int32_t index = addParam(std::move(param), {-1, flat.isInherited});
    if (index >= 0) {
      target = {};
      symbol.value = declare(statement, SymbolKind::Param, index);
      symbol.index = index;
      if (symbol.value != kNoValue)
        initializeParam(statement, index);
      namedValues.push_back({flat, name.name, symbol.value});
    }
    addSymbol(std::move(symbol));
  }

  //===-- Assignments -------------------------------------------------------------------------===//

  constexpr void reportKnown(Loc loc, const Symbol &known) {
    std::string_view hint =
        known.kind == SymbolKind::State ? "; its next value is written with a prime" : "";
    report(Id::DuplicateName, loc,
           makeText("`", nameText(known.name), "` is ", kindText(known.kind), " already", hint))
        .note(known.loc,
              makeText("`", nameText(known.name), "` is ", kindText(known.kind), " here"));
  }

  /// Checks a value against `name[K] = ...`; kNoValue after a diagnostic.
  constexpr ValueId checkAnnotation(const Statement &statement, ValueId value) {
    Shape written;
    size_t divisions = cell.divisions.size();
    if (value == kNoValue || statement.rows.isEmpty() || !evaluateShape(statement, written))
      return value;
    bindDivisions(divisions, value);
    const Shape shape = shapeOf(value);
    std::string_view name = nameText(statement.name.name);
    if (shape.rank == 0) {
      report(Id::ScalarAssignment, frame->syntax->loc(statement.name),
             makeText("a scalar is assigned to `", name, "` of shape ", shapeText(written)))
          .under(locOf(statement.value.root));
      return kNoValue;
    }
    if (agree(written, shape, frame->syntax->loc(statement.name)))
      return value;
    Diagnostic &diagnostic = report(Id::ShapeMismatch, frame->syntax->loc(statement.name),
                                    makeText("`", name, "` has shape ", shapeText(written),
                                             ", its value has shape ", shapeText(shape)));
    diagnostic.under(locOf(statement.value.root));
    noteShape(diagnostic, statement.value.root);
    return kNoValue;
  }

  constexpr void assign(const FlatStatement &flat, const Statement &statement) {
    NameRef name = statement.name;
    if (name.name == kNoName)
      return;
    ValueId value = kNoValue;
    if (!statement.isBroken)
      value = checkAnnotation(statement, evaluate(statement.value).op);
    define(flat, name, value);
  }

  /// Gives a value a name: a new one, or, in a `repeat`, one from outside, which keeps its size.
  constexpr void define(const FlatStatement &flat, NameRef name, ValueId value) {
    Loc loc = frame->syntax->loc(name);
    namedValues.push_back({flat, name.name, value});
    if (value != kNoValue && cell.ops[value].name.empty())
      cell.ops[value].name = nameText(name.name);
    Symbol *known = findSymbol(name.name);
    if (known == nullptr) {
      Symbol symbol;
      symbol.name = name.name;
      symbol.value = value;
      symbol.loc = loc;
      symbol.depth = depth;
      addSymbol(std::move(symbol));
      return;
    }
    if (known->kind != SymbolKind::Local) {
      reportKnown(loc, *known);
      return;
    }
    if (known->depth == depth)
      return; // assigned twice, which has been reported
    if (known->value != kNoValue && value != kNoValue && !keepsShape(*known, value, loc))
      value = kNoValue;
    known->value = value;
  }

  constexpr bool keepsShape(const Symbol &known, ValueId value, Loc loc) {
    const Shape before = shapeOf(known.value);
    const Shape after = shapeOf(value);
    if (agree(before, after, loc))
      return true;
    report(Id::ShapeMismatch, loc,
           makeText("`", nameText(known.name), "` is carried through `repeat` and keeps its shape ",
                    shapeText(before), ", its new value has shape ", shapeText(after)))
        .note(known.loc, makeText("`", nameText(known.name), "` first assigned here"));
    return false;
  }

  constexpr void assignNext(const Statement &statement) {
    if (depth > 0)
      return; // the parser has rejected it
    NameRef name = statement.name;
    Loc loc = frame->syntax->loc(name);
    Symbol *symbol = findSymbol(name.name);
    if (symbol == nullptr || symbol->kind != SymbolKind::State) {
      std::string_view meant = reportNoState(loc, name.name, symbol);
      for (size_t i = 0; i < cell.states.size() && !meant.empty(); ++i)
        nextAssignments[i].isMisspelt |= cell.states[i].name == meant;
      if (!statement.isBroken)
        evaluate(statement.value);
      return;
    }
    int32_t index = symbol->index;
    if (nextAssignments[index].isAssigned) {
      report(Id::DuplicateName, loc,
             makeText("state `", nameText(name.name), "` is assigned twice"))
          .note(nextAssignments[index].loc, "first assigned here");
      return;
    }
    ensureDeclared(tables.symbols.find(name.name));
    ValueId value = kNoValue;
    if (!statement.isBroken)
      value = checkNext(statement, index, evaluate(statement.value).op);
    nextAssignments[index] = {true, false, loc};
    cell.states[index].next = value;
  }

  constexpr ValueId checkNext(const Statement &statement, int32_t index, ValueId value) {
    const Shape declared = cell.states[index].shape;
    if (value == kNoValue || declared.rank != 1)
      return value;
    const Shape shape = shapeOf(value);
    std::string_view name = nameText(statement.name.name);
    Loc loc = frame->syntax->loc(statement.name);
    if (shape.rank == 0) {
      report(Id::ScalarAssignment, loc,
             makeText("a scalar is assigned to state `", name, "` of shape ", shapeText(declared)))
          .under(locOf(statement.value.root))
          .note(cell.states[index].loc, makeText("`", name, "` declared here"));
      return kNoValue;
    }
    if (agree(declared, shape, loc))
      return value;
    Diagnostic &diagnostic = report(Id::ShapeMismatch, loc,
                                    makeText("state `", name, "` has shape ", shapeText(declared),
                                             ", its next value has shape ", shapeText(shape)));
    diagnostic.under(locOf(statement.value.root))
        .note(cell.states[index].loc,
              makeText("`", name, "` declared with shape ", shapeText(declared), " here"));
    noteShape(diagnostic, statement.value.root);
    return kNoValue;
  }

  constexpr void assignOutput(const FlatStatement &flat, const Statement &statement) {
    NameRef name = statement.name;
    if (name.name == kNoName)
      return;
    Loc loc = frame->syntax->loc(name);
    bool isSecond = outputName.name != kNoName;
    if (isSecond)
      report(Id::DuplicateName, loc, "this is a second output; a cell has at most one")
          .note(outputLoc, makeText("`", nameText(outputName.name), "` is the output here"));
    ValueId value = kNoValue;
    if (!statement.isBroken)
      value = checkAnnotation(statement, evaluate(statement.value).op);
    if (value != kNoValue && shapeOf(value).rank != 1) {
      report(shapeOf(value).rank == 0 ? Id::ScalarAssignment : Id::NotAVector, loc,
             makeText("this output is ", describe(shapeOf(value)), "; an output is a vector"))
          .under(locOf(statement.value.root));
      value = kNoValue;
    }
    define(flat, name, value);
    if (isSecond)
      return;
    outputName = name;
    outputLoc = loc;
    cell.output = value;
    cell.outputName = nameText(name.name);
  }

  //===-- repeat ------------------------------------------------------------------------------===//

  constexpr void repeat(const FlatStatement &flat, const Statement &statement) {
    int64_t first = 0;
    int64_t last = -1;
    target = {};
    if (statement.isBroken || !evaluateBound(statement.value, first) ||
        !evaluateBound(statement.second, last))
      return;
    Loc loc = frame->syntax->loc(statement.name);
    if (const Symbol *known = findSymbol(statement.name.name)) {
      reportKnown(loc, *known);
      return;
    }
    if (last < first)
      return;
    int64_t more = 0; // micro-steps after the first
    if (__builtin_sub_overflow(last, first, &more) || more >= kMaxMicroSteps - microSteps) {
      stop(Id::TooManyMicroSteps, loc,
           makeText("`repeat ", nameText(statement.name.name), " in ", first, "..", last,
                    "` makes more than 10,000 micro-steps, the limit of a cell"));
      return;
    }
    for (int64_t i = 0; i <= more && !isStopped; ++i)
      runMicroStep(flat, statement, first + i);
  }

  constexpr void runMicroStep(const FlatStatement &flat, const Statement &statement,
                              int64_t counter) {
    const Syntax &syntax = program.files[flat.file];
    ++microSteps;
    size_t outerSymbols = symbols.size();
    Text outerSuffix = suffix;
    suffix += makeText("_", counter);
    ++depth;
    Symbol symbol;
    symbol.kind = SymbolKind::Counter;
    symbol.name = statement.name.name;
    symbol.loc = syntax.loc(statement.name);
    symbol.depth = depth;
    symbol.value = addNumber(static_cast<double>(counter), symbol.loc);
    addSymbol(std::move(symbol));
    for (int32_t i = flat.statement + 1; i < statement.bodyEnd; i = syntax.next(i))
      elaborate({flat.file, i, flat.isInherited});
    for (int32_t i = flat.statement + 1; i < statement.bodyEnd; i = syntax.next(i))
      if (syntax.statements[i].kind == StatementKind::Init)
        elaborateInit({flat.file, i, flat.isInherited});
    for (; symbols.size() > outerSymbols; symbols.pop_back())
      tables.symbols.set(symbols.back().name, -1);
    suffix = outerSuffix;
    --depth;
  }
};

} // namespace cellwright
