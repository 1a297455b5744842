// Calls: rows of the function table, `concat`, `size`, `linear`, and functions of the user, which
// are inlined.
#pragma once

#include "dsl/expr_elaborator.h"
#include "dsl/resolver.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace cellwright {

class CallElaborator : public ExprElaborator {
protected:
  using ExprElaborator::ExprElaborator;

  /// The statement that is being elaborated, as `linear` needs it.
  struct Target {
    NameId name = kNoName;
    int32_t number = 0; // counts statements, once for each micro-step
  };
  Target target;
  Text suffix; // `_2_1`, the counters of the open `repeat`

  /// Who made a parameter of the cell.
  struct ParamOrigin {
    int32_t statement = -1; // Target::number, or -1 for `param`
    bool isInherited = false;
  };
  std::vector<ParamOrigin> paramOrigins;

  Flags isRecursiveCellFn; // by cell function

  constexpr NameId assignedName() const override { return target.name; }

  constexpr Value evaluateCall(int32_t index, size_t first) override {
    NameId name = node(index).name;
    if (FnRef fn = findFn(name); fn.statement >= 0)
      return inlineFn(index, fn, first);
    if (FunctionId function = publicFunction(name); function != kNoFunction)
      return callFunction(index, function, first);
    if (name == words::kLinear)
      return callLinear(index, first);
    if (name == words::kConcat)
      return callConcat(index, first);
    if (name == words::kSize)
      return callSize(index, first);
    rejectCall(index);
    return {};
  }

  /// Adds a parameter; -1 after a diagnostic if the cell has one of this name.
  constexpr int32_t addParam(Param param, ParamOrigin origin) {
    int32_t known = findParam(param.name);
    if (known >= 0) {
      reportClash(param, origin, known);
      return -1;
    }
    auto index = static_cast<int32_t>(cell.params.size());
    paramIndex.insert(hashText(param.name), index);
    cell.params.push_back(std::move(param));
    paramOrigins.push_back(origin);
    return index;
  }

  constexpr int32_t findParam(std::string_view name) const {
    return paramIndex.find(hashText(name), [&](int32_t i) { return cell.params[i].name == name; });
  }

  constexpr ValueId addParamOp(int32_t param) {
    Op op;
    op.kind = OpKind::Param;
    op.rate = Rate::Update;
    op.shape = cell.params[param].shape;
    op.index = param;
    op.loc = cell.params[param].loc;
    return addOp(op);
  }

  /// Reports a call of what is no function.
  constexpr void rejectCall(int32_t index) {
    NameId name = node(index).name;
    const Symbol *value = frame->kind == FrameKind::FileFn ? nullptr : findSymbol(name);
    if (value == nullptr)
      reportUnknownFunction(program, frame->syntax->file,
                            {name, node(index).signBegin, node(index).signEnd}, cellFns);
    else
      report(Id::UnknownFunction, signOf(index),
             makeText("`", nameText(name), "` is ",
                      value->kind == SymbolKind::Local ? "a value" : kindText(value->kind),
                      ", not a function; a product is written with `*`"));
  }

  constexpr FnRef findFn(NameId name) const {
    if (isBuiltIn(name))
      return {};
    if (frame->kind != FrameKind::FileFn)
      if (int32_t found = tables.cellFns.find(name); found >= 0)
        return cellFns[found];
    return program.findFn(frame->syntax->file, name);
  }

private:
  HashIndex paramIndex;

  constexpr void reportClash(const Param &param, ParamOrigin origin, int32_t known) {
    bool isSameStatement =
        origin.statement >= 0 && paramOrigins[known].statement == origin.statement;
    Text message = makeText("parameter `", param.name, "` exists already");
    if (isSameStatement)
      message = makeText("`linear` makes parameter `", param.name,
                         "` twice in one statement; name one of the two in a statement of its own");
    report(Id::DuplicateParameter, param.loc, std::move(message))
        .note(cell.params[known].loc, makeText("`", param.name, "` is made here first"));
  }

  //===-- Arguments ---------------------------------------------------------------------------===//

  constexpr bool rejectCount(int32_t index, int32_t expected, int32_t got) {
    report(Id::ArgumentCount, signOf(index),
           makeText("`", nameText(node(index).name), "` takes ", expected,
                    expected == 1 ? " argument" : " arguments", ", got ", got));
    return false;
  }

  /// The arguments of a call, named ones apart; false after a diagnostic.
  struct CallArguments {
    std::vector<ValueId> positional;
    ValueId named = kNoValue;
    bool perSequence = false;
    bool isBroken = false;
  };

  constexpr bool rejectNamed(int32_t index, int32_t argument, Text message) {
    int32_t root = operandRoot(index, argument);
    report(Id::NamedArgument, locOf(root), std::move(message));
    return false;
  }

  /// Takes the value of a named argument of a row of the table.
  constexpr bool takeNamed(int32_t index, int32_t argument, FunctionId function, const Value &value,
                           CallArguments &taken) {
    const Signature &signature = kSignatures[function];
    std::string_view name = nameText(value.argument);
    std::string_view callee = kFunctions[function].name;
    if (value.argument == words::kPer && callee == "dropout") {
      if (value.word != words::kSequence)
        return rejectNamed(index, argument, "`per` is not `sequence`, the only value it may have");
      taken.perSequence = true;
      return true;
    }
    if (signature.namedParam.empty() || name != signature.namedParam) {
      return rejectNamed(index, argument, describeUnknownArgument(function, name));
    }
    if (taken.named != kNoValue)
      return rejectNamed(index, argument, makeText("`", name, "` is given twice"));
    taken.named = value.op;
    int32_t root = operandRoot(index, argument);
    return checkConstant(value, root, makeText("`", name, "`"));
  }

  static constexpr Text describeUnknownArgument(FunctionId function, std::string_view name) {
    const Signature &signature = kSignatures[function];
    for (int i = 0; i < signature.count; ++i)
      if (signature.names[i] == name)
        return makeText("argument `", name, "` of `", kFunctions[function].name,
                        "` is given by name; it is given by position");
    Text message = makeText("`", kFunctions[function].name, "` has no named argument `", name, "`");
    if (!signature.namedParam.empty())
      message += makeText("; it has `", signature.namedParam, "`");
    return message;
  }

  constexpr bool takeArguments(int32_t index, FunctionId function, size_t first,
                               CallArguments &taken) {
    const Signature &signature = kSignatures[function];
    bool isGood = true;
    for (int32_t i = 0; i < node(index).count; ++i) {
      const Value value = stack[first + i];
      if (value.argument != kNoName) {
        isGood = takeNamed(index, i, function, value, taken) && isGood;
        continue;
      }
      auto position = static_cast<int>(taken.positional.size());
      taken.positional.push_back(value.op);
      if (position < signature.count && signature.isProbability(position) && value.op != kNoValue)
        isGood = checkProbability(value, operandRoot(index, i)) && isGood;
    }
    auto got = static_cast<int32_t>(taken.positional.size());
    bool isNameMissing = got == signature.count + 1 && !signature.namedParam.empty();
    if (isNameMissing)
      return rejectNamed(index, node(index).count - 1,
                         makeText("this argument of `", kFunctions[function].name,
                                  "` is given by position; it is given by name: `",
                                  signature.namedParam, " = ...`"));
    if (isGood && got != signature.count)
      return rejectCount(index, signature.count, got);
    for (ValueId value : taken.positional)
      taken.isBroken = taken.isBroken || value == kNoValue;
    return isGood && !taken.isBroken;
  }

  constexpr bool checkProbability(const Value &value, int32_t root) {
    if (!checkConstant(value, root, "this probability"))
      return false;
    const Op &op = cell.ops[value.op];
    if (op.kind != OpKind::Number || (op.number >= 0 && op.number <= 1))
      return true;
    report(Id::BadProbability, locOf(root),
           makeText("this probability is ", op.number, "; it is between 0 and 1"));
    return false;
  }

  //===-- Rows of the table -------------------------------------------------------------------===//

  constexpr Value callFunction(int32_t index, FunctionId function, size_t first) {
    CallArguments taken;
    if (!takeArguments(index, function, first, taken))
      return {};
    const Function &row = kFunctions[function];
    const Signature &signature = kSignatures[function];
    // Tensor operands come first; what follows them is a compile-time number.
    int32_t tensors = 0;
    while (tensors < signature.count && !signature.isProbability(tensors))
      ++tensors;
    for (int32_t i = 0; i < signature.count; ++i)
      stack[first + i].op = taken.positional[i];
    bool isReduction = row.kind == FunctionClass::Reduction;
    if ((isReduction || row.kind == FunctionClass::OverVector) &&
        !checkVectors(index, first, tensors))
      return {};
    Shape shape;
    if (!broadcast(index, first, tensors, shape))
      return {};
    if (isReduction)
      shape = {};
    std::vector<ValueId> operands = taken.positional;
    if (!signature.namedParam.empty())
      operands.push_back(taken.named != kNoValue ? taken.named
                                                 : addNumber(signature.preset, locOf(index)));
    Value value = valueOf(addCall(function, operands, shape, locOf(index)));
    if (value.op != kNoValue && row.kind == FunctionClass::Random)
      makeRandom(value.op, taken.perSequence);
    return checkMatrixRate(value.op, locOf(index)) ? value : Value{};
  }

  /// A random function draws at every step, or once for every sequence.
  constexpr void makeRandom(ValueId value, bool perSequence) {
    Op &op = cell.ops[value];
    op.index = cell.randomCount++;
    op.perSequence = perSequence;
    op.rate = std::max(op.rate, perSequence ? Rate::Sequence : Rate::Step);
  }

  constexpr bool checkVectors(int32_t index, size_t first, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      const Shape shape = shapeOf(stack[first + i].op);
      if (shape.rank == 1)
        continue;
      report(Id::NotAVector, signOf(index),
             makeText("`", nameText(node(index).name), "` takes vectors, got ", describe(shape)))
          .under(locOf(operandRoot(index, i)));
      return false;
    }
    return true;
  }

  constexpr bool rejectAnyNamed(int32_t index, size_t first) {
    for (int32_t i = 0; i < node(index).count; ++i)
      if (stack[first + i].argument != kNoName)
        return rejectNamed(index, i,
                           makeText("`", nameText(node(index).name), "` has no named argument `",
                                    nameText(stack[first + i].argument), "`"));
    return true;
  }

  constexpr Value callConcat(int32_t index, size_t first) {
    int32_t count = node(index).count;
    if (!rejectAnyNamed(index, first))
      return {};
    if (count == 0) {
      report(Id::ArgumentCount, signOf(index), "`concat` takes at least 1 argument, got 0");
      return {};
    }
    if (isBroken(first, count) || !checkVectors(index, first, count))
      return {};
    SizeId rows = cell.sizes.number(0);
    std::vector<ValueId> operands;
    for (int32_t i = 0; i < count; ++i) {
      operands.push_back(stack[first + i].op);
      rows = cell.sizes.add(rows, solver.resolve(shapeOf(operands.back()).rows));
    }
    if (rows == kNoSize) {
      report(Id::SizeLimit, signOf(index), "the size of this vector is too large or too complex");
      return {};
    }
    Op op;
    op.kind = OpKind::Concat;
    op.shape = {1, rows, kNoSize};
    op.loc = locOf(index);
    return valueOf(addOp(op, operands));
  }

  constexpr Value callSize(int32_t index, size_t first) {
    if (!rejectAnyNamed(index, first))
      return {};
    if (node(index).count != 1) {
      rejectCount(index, 1, node(index).count);
      return {};
    }
    if (stack[first].op == kNoValue)
      return {};
    return valueOf(addSize(elementsOf(stack[first].op), locOf(index)));
  }

  //===-- linear ------------------------------------------------------------------------------===//

  constexpr bool takeBias(int32_t index, size_t first, bool &hasBias) {
    bool isGiven = false;
    for (int32_t i = 0; i < node(index).count; ++i) {
      const Value &value = stack[first + i];
      if (value.argument == kNoName)
        continue;
      if (value.argument != words::kBias)
        return rejectNamed(index, i,
                           makeText("`linear` has no named argument `", nameText(value.argument),
                                    "`; it has `bias`"));
      if (isGiven)
        return rejectNamed(index, i, "`bias` is given twice");
      if (value.word != words::kTrue && value.word != words::kFalse)
        return rejectNamed(index, i, "`bias` is neither `true` nor `false`");
      isGiven = true;
      hasBias = value.word == words::kTrue;
    }
    return true;
  }

  constexpr Value callLinear(int32_t index, size_t first) {
    bool hasBias = true;
    if (target.name == kNoName) {
      report(
          Id::LinearWithoutName, signOf(index),
          "`linear` stands where no name is assigned; its parameters are called by the name on the "
          "left side");
      return {};
    }
    if (!takeBias(index, first, hasBias))
      return {};
    std::vector<int32_t> roots = operandRoots(index);
    SizeId rows = solver.makeUnknown(locOf(index));
    ValueId total = kNoValue;
    int32_t count = 0;
    bool isGood = true;
    for (size_t i = 0; i < roots.size() && !isStopped; ++i) {
      if (stack[first + i].argument != kNoName)
        continue;
      ValueId product = makeProduct(roots[i], ++count, stack[first + i], rows, index);
      isGood = isGood && product != kNoValue;
      total = !isGood ? kNoValue
              : count == 1
                  ? product
                  : addCall(functions::kAdd, {total, product}, {1, rows, kNoSize}, locOf(index));
    }
    if (count == 0) {
      report(Id::ArgumentCount, signOf(index), "`linear` takes at least 1 operand, got 0");
      return {};
    }
    if (hasBias && isGood && !isStopped) {
      ValueId bias = makeBias(index, rows);
      total = bias != kNoValue
                  ? addCall(functions::kAdd, {total, bias}, {1, rows, kNoSize}, locOf(index))
                  : kNoValue;
    }
    return valueOf(total);
  }

  /// `W_t_a @ a`, where `a` is the expression at `root`, at `position` among the operands of the
  /// `linear` at `index`.
  constexpr ValueId makeProduct(int32_t root, int32_t position, const Value &operand, SizeId rows,
                                int32_t index) {
    SizeId columns = kNoSize;
    if (operand.op != kNoValue) {
      const Shape shape = shapeOf(operand.op);
      if (shape.rank != 1) {
        report(Id::NotAVector, signOf(index),
               makeText("`linear` takes vectors, got ", describe(shape)))
            .under(locOf(root));
        return kNoValue;
      }
      columns = shape.rows;
    }
    Param param;
    param.name = makeText("W_", nameText(target.name), "_");
    if (operand.plain != kNoName)
      param.name += nameText(operand.plain);
    else
      param.name += makeText(position);
    param.name += suffix;
    param.shape = {2, rows, columns};
    param.initializer.kind = InitializerKind::Glorot;
    param.initializer.linearOfState = operand.isState;
    param.loc = locOf(root);
    int32_t added = addParam(std::move(param), {target.number});
    if (added < 0 || operand.op == kNoValue)
      return kNoValue;
    Op op;
    op.kind = OpKind::MatMul;
    op.shape = {1, rows, kNoSize};
    op.loc = locOf(index);
    return addOp(op, {addParamOp(added), operand.op});
  }

  constexpr ValueId makeBias(int32_t index, SizeId rows) {
    Param param;
    param.name = makeText("b_", nameText(target.name), suffix);
    param.shape = {1, rows, kNoSize};
    param.loc = locOf(index);
    int32_t added = addParam(std::move(param), {target.number});
    return added < 0 ? kNoValue : addParamOp(added);
  }

  //===-- Functions of the user ---------------------------------------------------------------===//

  constexpr bool isRecursive(FnRef fn) const {
    NameId name = program.statementOf(fn).name.name;
    if (isCellFn(fn))
      return isRecursiveCellFn[tables.cellFns.find(name)];
    return program.isRecursive[program.findFnNumber(fn.file, name)];
  }

  constexpr Value inlineFn(int32_t index, FnRef fn, size_t first) {
    const Statement &statement = program.statementOf(fn);
    const Syntax &syntax = program.files[fn.file];
    if (statement.isBroken || !rejectAnyNamed(index, first))
      return {};
    if (node(index).count != statement.paramCount) {
      report(Id::ArgumentCount, signOf(index),
             makeText("`", nameText(node(index).name), "` takes ", statement.paramCount,
                      statement.paramCount == 1 ? " argument" : " arguments", ", got ",
                      node(index).count))
          .note(syntax.loc(statement.name), "defined here");
      return {};
    }
    if (isRecursive(fn))
      return {}; // which has been reported
    if (frame->depth >= kMaxNesting) {
      report(Id::TooDeep, signOf(index),
             makeText("functions nest deeper than ", kMaxNesting, " levels"));
      return {};
    }
    return evaluateBody(index, fn, first);
  }

  constexpr Value evaluateBody(int32_t index, FnRef fn, size_t first) {
    const Statement &statement = program.statementOf(fn);
    Frame inner;
    inner.syntax = &program.files[fn.file];
    inner.kind = isCellFn(fn) ? FrameKind::CellFn : FrameKind::FileFn;
    inner.fn = fn;
    inner.call = signOf(index);
    inner.firstArgument = static_cast<int32_t>(arguments.size());
    inner.caller = frame;
    inner.depth = frame->depth + 1;
    inner.isDeclaration = frame->isDeclaration;
    for (int32_t i = 0; i < statement.paramCount; ++i) {
      NameId name = inner.syntax->fnParams[statement.firstParam + i].name;
      arguments.push_back({stack[first + i], name, tables.arguments.find(name)});
      tables.arguments.set(name, static_cast<int32_t>(arguments.size()) - 1);
    }
    const Frame *caller = std::exchange(frame, &inner);
    Value value = evaluate(statement.value);
    frame = caller;
    for (; arguments.size() > static_cast<size_t>(inner.firstArgument); arguments.pop_back())
      tables.arguments.set(arguments.back().name, arguments.back().shadowed);
    return valueOf(value.op);
  }

  constexpr bool isCellFn(FnRef fn) const {
    int32_t found = tables.cellFns.find(program.statementOf(fn).name.name);
    return found >= 0 && cellFns[found] == fn;
  }
};

} // namespace cellwright
