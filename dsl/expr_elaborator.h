// Expressions to operations: one loop over the nodes with a stack of values, which recurses only
// into functions (inlined) and the brackets of slices. Calls are in call_elaborator.h.
#pragma once

#include "dsl/number_elaborator.h"
#include "dsl/signatures.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class ExprElaborator : public NumberElaborator {
protected:
  using NumberElaborator::NumberElaborator;

  std::vector<Value> stack;
  int sizeDepth = 0; // how many `size(...)` are open

  struct Argument {
    Value value;
    NameId name = kNoName;
    int32_t shadowed = -1; // the argument of this name of a caller
  };
  std::vector<Argument> arguments; // of all open calls

  constexpr Value evaluate(Expr expr) override {
    size_t base = stack.size();
    int outerSizes = sizeDepth;
    for (int32_t i = expr.first; i <= expr.root; ++i) {
      if (!countStep(locOf(i))) {
        stack.resize(base, {});
        sizeDepth = outerSizes;
        return {};
      }
      const Node &at = node(i);
      if (at.kind == NodeKind::Bounds) {
        i += at.skip - 1;
        continue;
      }
      if (at.kind == NodeKind::SizeOf) {
        ++sizeDepth;
        continue;
      }
      size_t operands =
          stack.size() - static_cast<size_t>(at.kind == NodeKind::Slice ? 1 : at.count);
      if (at.kind == NodeKind::Call && at.name == words::kSize)
        --sizeDepth;
      Value result = evaluateNode(i, operands);
      stack.resize(operands, {});
      stack.push_back(result);
    }
    Value result = stack.back();
    stack.resize(base, {});
    return result;
  }

  constexpr Value evaluateSized(Expr expr) override {
    ++sizeDepth;
    Value value = evaluate(expr);
    --sizeDepth;
    return value;
  }

  /// Evaluates the call at node `index`, whose arguments are on the stack from `first` on.
  virtual constexpr Value evaluateCall(int32_t index, size_t first) = 0;

  /// Evaluates an expression that must be a compile-time number; kNoValue after a diagnostic.
  constexpr ValueId evaluateConstant(Expr expr, std::string_view what) {
    Value value = evaluate(expr);
    return checkConstant(value, expr.root, what) ? value.op : kNoValue;
  }

  constexpr bool checkConstant(const Value &value, int32_t root, std::string_view what) {
    if (value.op == kNoValue)
      return false;
    if (shapeOf(value.op).rank == 0 && rateOf(value.op) == Rate::Constant)
      return true;
    report(Id::NotConstant, locOf(root),
           makeText(what,
                    " is no compile-time number; these are numbers, options, counters, `size(v)` "
                    "and `+ - * / ^` of these"));
    return false;
  }

  /// The roots of the operands of a node, first to last.
  constexpr int32_t operandRoot(int32_t index, int32_t operand) const {
    int32_t root = index - 1;
    for (int32_t i = node(index).count - 1; i > operand; --i)
      root = frame->syntax->operandBefore(root);
    return root;
  }

  /// All of them, for calls with many.
  constexpr std::vector<int32_t> operandRoots(int32_t index) const {
    std::vector<int32_t> roots(static_cast<size_t>(node(index).count), 0);
    int32_t root = index - 1;
    for (size_t i = roots.size(); i-- > 0; root = frame->syntax->operandBefore(root))
      roots[i] = root;
    return roots;
  }

  constexpr ValueId argumentOp(int32_t argument) const override {
    return arguments[argument].value.op;
  }

  /// Shapes of operands that combine element by element: all that are no scalars agree. False after
  /// a diagnostic.
  constexpr bool broadcast(int32_t index, size_t first, int32_t count, Shape &shape) {
    int32_t widest = 0;
    for (int32_t i = 0; i < count; ++i)
      if (shapeOf(stack[first + i].op).rank > shapeOf(stack[first + widest].op).rank)
        widest = i;
    shape = shapeOf(stack[first + widest].op);
    for (int32_t i = 0; i < count; ++i) {
      const Shape other = shapeOf(stack[first + i].op);
      if (i == widest || other.rank == 0 || agree(shape, other, locOf(index)))
        continue;
      reportMismatch(index, std::min(i, widest), std::max(i, widest), first);
      return false;
    }
    return true;
  }

  constexpr bool isBroken(size_t first, int32_t count) const {
    for (int32_t i = 0; i < count; ++i)
      if (stack[first + i].op == kNoValue)
        return true;
    return false;
  }

  static constexpr Value valueOf(ValueId op) {
    Value value;
    value.op = op;
    return value;
  }

  constexpr Diagnostic &reportMismatch(int32_t index, int32_t left, int32_t right, size_t first) {
    int32_t leftRoot = operandRoot(index, left);
    int32_t rightRoot = operandRoot(index, right);
    const Shape a = shapeOf(stack[first + left].op);
    const Shape b = shapeOf(stack[first + right].op);
    Diagnostic &diagnostic =
        report(Id::ShapeMismatch, signOf(index),
               makeText("`", program.sources.text(signOf(index)), "` has operands of shape ",
                        shapeText(a), " and ", shapeText(b), mismatchHint(node(index).kind, a, b)));
    diagnostic.under(locOf(leftRoot)).under(locOf(rightRoot));
    noteShape(diagnostic, leftRoot);
    if (!isSameName(leftRoot, rightRoot))
      noteShape(diagnostic, rightRoot);
    return diagnostic;
  }

private:
  constexpr std::string_view mismatchHint(NodeKind kind, const Shape &a, const Shape &b) {
    if (kind == NodeKind::Multiply && a.rank + b.rank == 3)
      return "; the matrix product is written `@`";
    SizeId one = cell.sizes.number(1);
    bool isOne = a.rank == 1 && b.rank == 1 &&
                 (solver.resolve(a.rows) == one || solver.resolve(b.rows) == one);
    return isOne ? "; a vector of size 1 is no scalar, its `sum` is" : "";
  }

  constexpr bool isSameName(int32_t a, int32_t b) const {
    return node(a).kind == NodeKind::Name && node(b).kind == NodeKind::Name &&
           node(a).name == node(b).name;
  }

  constexpr Value evaluateNode(int32_t index, size_t first) {
    const Node &at = node(index);
    switch (at.kind) {
    case NodeKind::Number:
      return valueOf(addNumber(at.number, locOf(index)));
    case NodeKind::Name:
      return evaluateName(index);
    case NodeKind::NextState:
      return evaluateNext(index);
    case NodeKind::Add:
      return evaluateBinary(index, functions::kAdd, first);
    case NodeKind::Subtract:
      return evaluateBinary(index, functions::kSubtract, first);
    case NodeKind::Multiply:
      return evaluateBinary(index, functions::kMultiply, first);
    case NodeKind::Divide:
      return evaluateBinary(index, functions::kDivide, first);
    case NodeKind::Power:
      return evaluatePower(index, first);
    case NodeKind::Negate:
      return evaluateNegation(index, first);
    case NodeKind::MatMul:
      return evaluateMatMul(index, first);
    case NodeKind::Transpose:
      return evaluateTranspose(index, first);
    case NodeKind::Slice:
      return evaluateSlice(index, first);
    case NodeKind::Positive:
      return evaluateCondition(first);
    case NodeKind::Named:
      return evaluateNamed(index, first);
    case NodeKind::Call:
      return evaluateCall(index, first);
    case NodeKind::Bounds:
    case NodeKind::SizeOf:
    case NodeKind::ChosenCall: // settled before
    case NodeKind::Choice:
      break;
    }
    return {};
  }

  //===-- Names -------------------------------------------------------------------------------===//

  constexpr Value evaluateName(int32_t index) {
    NameId name = node(index).name;
    if (frame->kind != FrameKind::Statement) {
      int32_t argument = tables.arguments.find(name);
      if (argument >= frame->firstArgument) {
        Value value = arguments[argument].value;
        value.argument = kNoName;
        return value;
      }
    }
    int32_t found = frame->kind == FrameKind::FileFn ? -1 : tables.symbols.find(name);
    if (found >= 0 && frame->isDeclaration && symbols[found].depth > 0)
      found = -1;
    bool isHidden = found >= 0 && frame->kind == FrameKind::CellFn &&
                    symbols[found].kind >= SymbolKind::Counter;
    if (found < 0 || isHidden)
      return rejectName(index, isHidden);
    if (frame->isDeclaration && symbols[found].kind == SymbolKind::Local && sizeDepth == 0) {
      report(Id::NotConstant, locOf(index),
             makeText("`", nameText(name),
                      "` is a value of the step, a declaration may take its `size(", nameText(name),
                      ")` only"));
      return {};
    }
    ensureDeclared(found);
    tables.reads.set(name, 1);
    const Symbol &symbol = symbols[found];
    Value value = valueOf(symbol.value);
    value.plain = name;
    value.isState = symbol.kind == SymbolKind::State;
    return value;
  }

protected:
  constexpr Value rejectName(int32_t index, bool isHidden) {
    NameId name = node(index).name;
    if (isLost(name) && frame->kind != FrameKind::FileFn)
      return {};
    int32_t assignment = tables.assigned.find(name);
    if (isHidden || (assignment >= 0 && frame->kind == FrameKind::CellFn)) {
      report(Id::UnknownName, locOf(index),
             makeText("a function does not see `", nameText(name), "`; pass it as an argument"));
      return {};
    }
    if (assignment >= 0 && frame->kind == FrameKind::Statement) {
      reportEarlyUse(index, tables.assignments[assignment]);
      return {};
    }
    Text message = makeText("unknown name `", nameText(name), "`");
    if (tables.dimensions.find(name) >= 0)
      message += "; it is a dimension, whose number is `size(v)` of a vector v of this size";
    else if (isBuiltIn(name))
      message += makeText("; the function is called as `", nameText(name), "(...)`");
    else if (name == words::kTranspose)
      message += "; the transpose of W is `W.T`";
    else
      message += suggestValue(nameText(name)).text();
    report(Id::UnknownName, locOf(index), std::move(message));
    return {};
  }

private:
  /// A name that some statement assigns, which is not known here: further down, in the same
  /// statement, or in a `repeat`.
  constexpr void reportEarlyUse(int32_t index, const ElaborationTables::Assignment &assignment) {
    Loc loc = locOf(index);
    std::string_view name = nameText(node(index).name);
    bool isAbove = assignment.isInRepeat && assignment.loc.file == loc.file &&
                   assignment.loc.begin < loc.begin && node(index).name != assignedName();
    Text message = makeText("`", name, "` is read before it is assigned");
    if (isAbove)
      message =
          makeText("`", name,
                   "` is assigned inside of `repeat` only and does not live on after a micro-step");
    report(Id::UseBeforeAssignment, loc, std::move(message))
        .note(assignment.loc, makeText("`", name, "` assigned here"));
  }

protected:
  constexpr Value evaluateNext(int32_t index) {
    NameId name = node(index).name;
    if (frame->kind != FrameKind::Statement) {
      report(Id::UnknownName, locOf(index),
             makeText("a function does not see `", nameText(name), "'`; pass it as an argument"));
      return {};
    }
    Symbol *symbol = findSymbol(name);
    if (symbol == nullptr || symbol->kind != SymbolKind::State) {
      reportNoState(locOf(index), name, symbol);
      return {};
    }
    const State &state = cell.states[symbol->index];
    if (state.next == kNoValue && !isNextAssigned(symbol->index))
      report(Id::UseBeforeAssignment, locOf(index),
             makeText("`", nameText(name), "'` is read before it is assigned"));
    Value value = valueOf(state.next);
    value.plain = name;
    value.isState = true;
    return value;
  }

  /// The name on the left side of the statement at hand, or kNoName.
  virtual constexpr NameId assignedName() const = 0;

  /// Whether the statement that assigns a state's next value has been met, successful or not.
  virtual constexpr bool isNextAssigned(int32_t state) const = 0;

  /// Reports a prime on what is no state; gives the name of the state that was meant, if any.
  constexpr std::string_view reportNoState(Loc loc, NameId name, const Symbol *symbol) {
    if ((symbol == nullptr && isLost(name)) || clashedStates.find(name) >= 0)
      return {};
    std::string_view meant;
    Text message = makeText("`", nameText(name), "` is no state, only states have a next value");
    Loc other;
    if (symbol == nullptr) {
      Suggestion suggestion(nameText(name), program.budget);
      suggestion.considerAll(cell.states, [](const State &state) { return state.name.view(); });
      message += suggestion.text();
      meant = suggestion.bestCandidate();
    } else {
      other = symbol->loc;
      bool isMatrix = symbol->value != kNoValue && shapeOf(symbol->value).rank == 2;
      if (isMatrix)
        message += makeText("; the transpose is `", nameText(name), ".T`");
    }
    Diagnostic &diagnostic = report(Id::NotAState, loc, std::move(message));
    if (other.isKnown())
      diagnostic.note(other,
                      makeText("`", nameText(name), "` is ", kindText(symbol->kind), " here"));
    return meant;
  }

private:
  //===-- Operators ---------------------------------------------------------------------------===//

  constexpr Value evaluateBinary(int32_t index, FunctionId function, size_t first) {
    Shape shape;
    if (isBroken(first, 2) || !broadcast(index, first, 2, shape))
      return {};
    return makeCall(index, function, {stack[first].op, stack[first + 1].op}, shape);
  }

  constexpr Value evaluateNegation(int32_t index, size_t first) {
    if (isBroken(first, 1))
      return {};
    return makeCall(index, functions::kNegate, {stack[first].op}, shapeOf(stack[first].op));
  }

  constexpr Value evaluatePower(int32_t index, size_t first) {
    // The exponent is checked even if the base has a problem of its own.
    bool isConstant = checkConstant(stack[first + 1], index - 1, "this exponent");
    if (isBroken(first, 1) || !isConstant)
      return {};
    return makeCall(index, functions::kPower, {stack[first].op, stack[first + 1].op},
                    shapeOf(stack[first].op));
  }

protected:
  constexpr Value makeCall(int32_t index, FunctionId function,
                           std::initializer_list<ValueId> operands, Shape shape) {
    Value value = valueOf(addCall(function, operands, shape, locOf(index)));
    return checkMatrixRate(value.op, locOf(index)) ? value : Value{};
  }

private:
  constexpr Value evaluateMatMul(int32_t index, size_t first) {
    if (isBroken(first, 2))
      return {};
    ValueId matrix = stack[first].op;
    ValueId operand = stack[first + 1].op;
    const Shape left = shapeOf(matrix);
    const Shape right = shapeOf(operand);
    if (left.rank != 2 || right.rank == 0) {
      rejectMatMul(index, left, right);
      return {};
    }
    if (solver.unify(left.columns, right.rows, locOf(index)) == Unification::Mismatch) {
      reportMismatch(index, 0, 1, first);
      return {};
    }
    Op op;
    op.kind = OpKind::MatMul;
    op.shape = {right.rank, left.rows, right.columns};
    op.loc = locOf(index);
    Value value = valueOf(addOp(op, {matrix, operand}));
    return checkMatrixRate(value.op, op.loc) ? value : Value{};
  }

  constexpr void rejectMatMul(int32_t index, const Shape &left, const Shape &right) {
    int32_t rightRoot = index - 1;
    int32_t leftRoot = frame->syntax->operandBefore(rightRoot);
    Text message = makeText("`@` takes a matrix and a vector or matrix, got ", shapeText(left),
                            " and ", shapeText(right));
    if (left.rank == 1 && right.rank == 2)
      message += makeText("; write `", operandText(rightRoot), ".T @ ", operandText(leftRoot), "`");
    else if (left.rank == 1 && right.rank == 1)
      message += "; `dot(a, b)` is the product of two vectors";
    else
      message += "; `*` multiplies by a scalar";
    report(Id::NotAMatrix, signOf(index), std::move(message))
        .under(locOf(leftRoot))
        .under(locOf(rightRoot));
  }

  constexpr Text operandText(int32_t root) const {
    Text text = program.sources.text(locOf(root)).substr(0, 40);
    bool isSimple = node(root).kind == NodeKind::Name || node(root).kind == NodeKind::Call ||
                    node(root).kind == NodeKind::NextState || text.view().starts_with("(");
    if (!isSimple)
      return makeText("(", text, ")");
    return text;
  }

  constexpr Value evaluateTranspose(int32_t index, size_t first) {
    if (isBroken(first, 1))
      return {};
    const Shape shape = shapeOf(stack[first].op);
    if (shape.rank != 2) {
      report(Id::NotAMatrix, signOf(index),
             makeText("`.T` stands behind ", describe(shape), "; a transpose is of a matrix"))
          .under(locOf(index - 1));
      return {};
    }
    Op op;
    op.kind = OpKind::Transpose;
    op.shape = {2, shape.columns, shape.rows};
    op.loc = locOf(index);
    return valueOf(addOp(op, {stack[first].op}));
  }

protected:
  constexpr Text describe(const Shape &shape) {
    if (shape.rank == 0)
      return "a scalar";
    Text sizes = shapeText(shape);
    std::string_view kind = shape.rank == 1 ? "a vector" : "a matrix";
    if (sizes.view().find('?') != std::string_view::npos)
      return kind;
    return makeText(kind, " ", sizes);
  }

private:
  constexpr Value evaluateSlice(int32_t index, size_t first) {
    int32_t endRoot = index - 1;
    int32_t beginRoot = frame->syntax->operandBefore(endRoot);
    const Value vector = stack[first];
    size_t divisions = cell.divisions.size();
    SizeId begin = evaluateSize(frame->syntax->exprAt(beginRoot), 0);
    SizeId end = evaluateSize(frame->syntax->exprAt(endRoot), 1);
    if (vector.op == kNoValue || begin == kNoSize || end == kNoSize)
      return {};
    const Shape shape = shapeOf(vector.op);
    if (shape.rank != 1) {
      report(Id::NotAVector, signOf(index),
             makeText("this slice is of ", describe(shape), "; slices are of vectors"))
          .under(locOf(frame->syntax->operandBefore(beginRoot)));
      return {};
    }
    SizeId size = cell.sizes.subtract(solver.resolve(end), solver.resolve(begin));
    if (!checkSlice(index, begin, end, size, shape.rows))
      return {};
    Op op;
    op.kind = OpKind::Slice;
    op.shape = {1, size, kNoSize};
    op.begin = begin;
    op.end = end;
    op.loc = locOf(index);
    ValueId slice = addOp(op, {vector.op});
    bindDivisions(divisions, slice);
    return valueOf(slice);
  }

  constexpr bool checkSlice(int32_t index, SizeId begin, SizeId end, SizeId size, SizeId whole) {
    auto isNegative = [&](SizeId difference, bool orZero) {
      if (difference == kNoSize)
        return false;
      Rational number = cell.sizes.numberOf(difference);
      return number.isValid ? number.sign() < (orZero ? 1 : 0) : cell.sizes.sign(difference) < 0;
    };
    Text bounds = makeText("[", sizeText(begin), ":", sizeText(end), "]");
    if (isNegative(size, true)) {
      report(Id::SliceBounds, locOf(index), makeText("slice `", bounds, "` is empty"));
      return false;
    }
    SizeId rest = cell.sizes.subtract(solver.resolve(whole), solver.resolve(end));
    if (rest != kNoSize && isNegative(rest, false)) {
      report(Id::SliceBounds, locOf(index),
             makeText("slice `", bounds, "` leaves its vector of shape [", sizeText(whole), "]"));
      return false;
    }
    return true;
  }

  //===-- Parts of calls ----------------------------------------------------------------------===//

  constexpr Value evaluateCondition(size_t first) {
    Value value = valueOf(stack[first].op);
    value.isPositive = true;
    return value;
  }

  constexpr Value evaluateNamed(int32_t index, size_t first) {
    const Node &at = node(index);
    Value value;
    if (at.isWord)
      value.word = at.word;
    else
      value.op = stack[first].op;
    value.argument = at.name;
    return value;
  }
};

} // namespace cellwright
