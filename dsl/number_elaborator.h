// Sizes, bounds and the sides of `require`: compile-time numbers in which dimensions may stand. A
// number here is a symbolic size as long as that works, else a double, else an operation that is
// computed when dimensions have numbers.
#pragma once

#include "dsl/op_maker.h"

#include <cstdint>
#include <vector>

namespace cellwright {

/// What an expression of numbers is for.
enum class NumberUse : uint8_t {
  Size,    // in [ ]: an integer; every division is exact
  Bound,   // of a repeat: an integer
  Require, // any number; a division of sizes is exact
};

struct Number {
  enum class Kind : uint8_t { Bad, Size, Real, Op };
  Kind kind = Kind::Bad;
  SizeId size = kNoSize;
  double real = 0;
  ValueId op = kNoValue;
};

class NumberElaborator : public OpMaker {
protected:
  using OpMaker::OpMaker;

  /// Evaluates an expression of values; it may call back for slices and sizes.
  virtual constexpr Value evaluate(Expr expr) = 0;
  /// The same for the argument of `size`.
  virtual constexpr Value evaluateSized(Expr expr) = 0;
  /// Makes sure that a declaration has its shape or number.
  virtual constexpr void ensureDeclared(int32_t symbol) = 0;

  /// Evaluates an expression of compile-time numbers and dimensions.
  constexpr Number evaluateNumber(Expr expr, NumberUse use) {
    if (!checkNumber(expr))
      return {};
    size_t base = numbers.size();
    for (int32_t i = expr.first; i <= expr.root; ++i) {
      const Node &at = node(i);
      if (!countStep(locOf(i))) {
        numbers.resize(base, {});
        return {};
      }
      size_t operands =
          numbers.size() - static_cast<size_t>(at.kind == NodeKind::Call ? 0 : at.count);
      Number result;
      if (at.kind == NodeKind::SizeOf) {
        result = sizeOfArgument(i);
        i += at.skip;
      } else if (at.count == 0) {
        result = leaf(i, use);
      } else if (at.kind == NodeKind::Negate) {
        result = combine(i, functions::kSubtract, ofInteger(0), numbers[operands], use);
      } else {
        result = combine(i, operatorOf(at.kind), numbers[operands], numbers[operands + 1], use);
      }
      numbers.resize(operands, {});
      numbers.push_back(result);
    }
    Number result = numbers.back();
    numbers.resize(base, {});
    return result;
  }

  /// Evaluates a size; kNoSize after a diagnostic. `least` is what it must be if it is a number.
  constexpr SizeId evaluateSize(Expr expr, int64_t least = 1) {
    Number number = evaluateNumber(expr, NumberUse::Size);
    if (number.kind == Number::Kind::Bad)
      return kNoSize;
    if (number.kind != Number::Kind::Size) {
      reportNoSize(expr, number);
      return kNoSize;
    }
    return checkSize(number.size, locOf(expr.root), least) ? number.size : kNoSize;
  }

  /// Divisions from number `first` on must be exact only if `user` is computed.
  constexpr void bindDivisions(size_t first, ValueId user) {
    for (size_t i = first; i < cell.divisions.size(); ++i)
      cell.divisions[i].user = user;
  }

  /// Checks what is known of a size already.
  constexpr bool checkSize(SizeId size, Loc loc, int64_t least) {
    Rational number = cell.sizes.numberOf(solver.resolve(size));
    if (number.isValid && !number.isInteger()) {
      report(Id::BadSize, loc, makeText("`", cell.sizes.text(size), "` is not an integer"));
      return false;
    }
    bool isTooSmall =
        number.isValid ? number.numerator < least : cell.sizes.sign(solver.resolve(size)) < 0;
    if (isTooSmall) {
      report(Id::BadSize, loc,
             makeText(least == 0 ? "this bound is `" : "this size is `", sizeText(size),
                      least == 0 ? "`; a bound of a slice is 0 or more"
                                 : "`; a size is a positive integer"));
      return false;
    }
    if (number.isValid && number.numerator > kMaxSize) {
      report(Id::SizeLimit, loc,
             makeText("this size is ", number.numerator, "; sizes are below 2^31"));
      return false;
    }
    return true;
  }

  /// A number as a constant of the cell.
  constexpr ValueId constantOf(const Number &number, Loc loc) {
    switch (number.kind) {
    case Number::Kind::Size:
      return addSize(number.size, loc);
    case Number::Kind::Real:
      return addNumber(number.real, loc);
    case Number::Kind::Op:
      return number.op;
    case Number::Kind::Bad:
      break;
    }
    return kNoValue;
  }

  /// Evaluates a bound of a `repeat`; false after a diagnostic.
  constexpr bool evaluateBound(Expr expr, int64_t &bound) {
    Number number = evaluateNumber(expr, NumberUse::Bound);
    if (number.kind == Number::Kind::Bad)
      return false;
    if (number.kind == Number::Kind::Size) {
      Rational value = boundValue(number.size);
      if (value.isInteger()) {
        bound = value.numerator;
        return true;
      }
      if (!value.isValid) {
        report(Id::BadBound, locOf(expr.root),
               makeText("this bound, `", sizeText(number.size),
                        "`, has no number when the cell is checked; give it one with `--dim`"));
        return false;
      }
    }
    bool isLarge = number.kind == Number::Kind::Real && (number.real > 1e15 || number.real < -1e15);
    if (isLarge) {
      report(Id::TooManyMicroSteps, locOf(expr.root),
             makeText("this bound is ", number.real, "; a cell is limited to 10,000 micro-steps"));
      return false;
    }
    report(Id::BadBound, locOf(expr.root),
           makeText("this bound", describe(number), "; a bound of `repeat` is an integer"));
    return false;
  }

private:
  std::vector<Number> numbers; // a stack

  /// Whether an expression is made of what numbers are made of; reports the first node that is not.
  constexpr bool checkNumber(Expr expr) {
    for (int32_t i = expr.first; i <= expr.root; ++i) {
      NodeKind kind = node(i).kind;
      if (kind == NodeKind::SizeOf) {
        i += node(i).skip;
        continue;
      }
      if (kind == NodeKind::Number || kind == NodeKind::Name || kind == NodeKind::Negate ||
          operatorOf(kind) != kNoFunction)
        continue;
      report(
          Id::NotConstant, locOf(i),
          makeText("expected a compile-time number, found `", sourceText(locOf(i)),
                   "`; these are numbers, options, counters, dimensions, `size(v)` and `+ - * / ^` "
                   "of these"));
      return false;
    }
    return true;
  }

  constexpr Number ofSize(SizeId size) {
    Number number;
    number.kind = Number::Kind::Size;
    number.size = size;
    return number;
  }
  constexpr Number ofInteger(int64_t integer) { return ofSize(cell.sizes.number(integer)); }
  constexpr Number ofDouble(double real) {
    bool isInteger =
        real > -1e15 && real < 1e15 && static_cast<double>(static_cast<int64_t>(real)) == real;
    if (isInteger)
      return ofInteger(static_cast<int64_t>(real));
    Number number;
    number.kind = Number::Kind::Real;
    number.real = real;
    return number;
  }
  constexpr Number ofValue(ValueId value, Loc loc, NumberUse use) {
    if (value == kNoValue)
      return {};
    const Op &op = cell.ops[value];
    if (op.kind == OpKind::Number)
      return ofDouble(op.number);
    if (SizeId size = sizeOf(value); size != kNoSize) {
      if (Rational fraction = cell.sizes.numberOf(size); fraction.isValid)
        return ofDouble(static_cast<double>(fraction.numerator) /
                        static_cast<double>(fraction.denominator));
      if (!needsExactness(size))
        return ofSize(size);
      if (use == NumberUse::Size)
        cell.divisions.push_back({size, loc, kNoValue});
      if (use != NumberUse::Require)
        return ofSize(size);
    }
    Number number;
    number.kind = Number::Kind::Op;
    number.op = value;
    return number;
  }

  static constexpr FunctionId operatorOf(NodeKind kind) {
    switch (kind) {
    case NodeKind::Add:
      return functions::kAdd;
    case NodeKind::Subtract:
      return functions::kSubtract;
    case NodeKind::Multiply:
      return functions::kMultiply;
    case NodeKind::Divide:
      return functions::kDivide;
    case NodeKind::Power:
      return functions::kPower;
    default:
      return kNoFunction;
    }
  }

  //===-- Leaves ------------------------------------------------------------------------------===//

  constexpr Number sizeOfArgument(int32_t marker) {
    int32_t call = marker + node(marker).skip;
    if (node(call).count != 1) {
      report(Id::ArgumentCount, signOf(call),
             makeText("`size` takes 1 argument, got ", node(call).count));
      return {};
    }
    if (const Node &argument = node(call - 1); argument.kind == NodeKind::Named) {
      report(Id::NamedArgument, locOf(call - 1),
             makeText("`size` has no named argument `", nameText(argument.name), "`"));
      return {};
    }
    Value value = evaluateSized({marker + 1, call - 1});
    return value.op == kNoValue ? Number{} : ofSize(elementsOf(value.op));
  }

  constexpr Number leaf(int32_t index, NumberUse use) {
    const Node &at = node(index);
    if (at.kind == NodeKind::Number)
      return ofDouble(at.number);
    if (frame->kind != FrameKind::Statement) {
      int32_t argument = tables.arguments.find(at.name);
      if (argument >= frame->firstArgument)
        return ofArgument(index, argumentOp(argument), use);
      if (frame->kind == FrameKind::FileFn)
        return rejectName(index, use);
    }
    int32_t symbol = tables.symbols.find(at.name);
    bool isNumber =
        symbol >= 0 &&
        (symbols[symbol].kind == SymbolKind::Option ||
         (symbols[symbol].kind == SymbolKind::Counter && frame->kind == FrameKind::Statement));
    if (isNumber) {
      ensureDeclared(symbol);
      tables.reads.set(at.name, 1);
      return ofValue(symbols[symbol].value, locOf(index), use);
    }
    int32_t dimension = tables.dimensions.find(at.name);
    if (dimension < 0)
      return rejectName(index, use);
    return ofSize(cell.dimensions[dimension].value);
  }

  virtual constexpr ValueId argumentOp(int32_t argument) const = 0;

  constexpr Number ofArgument(int32_t index, ValueId value, NumberUse use) {
    if (value == kNoValue)
      return {};
    if (shapeOf(value).rank == 0 && rateOf(value) == Rate::Constant)
      return ofValue(value, locOf(index), use);
    report(Id::NotConstant, locOf(index),
           makeText("argument `", nameText(node(index).name), "` is not a compile-time number"));
    return {};
  }

  constexpr Number rejectName(int32_t index, NumberUse use) {
    NameId name = node(index).name;
    if (isLost(name))
      return {};
    Suggestion suggestion(nameText(name), program.budget);
    suggestion.considerAll(cell.dimensions,
                           [](const Dimension &dimension) { return dimension.name.view(); });
    suggestion.considerAll(cell.options, [](const Option &option) { return option.name.view(); });
    Text message = makeText("unknown name `", nameText(name), "`");
    if (frame->kind == FrameKind::FileFn)
      message += "; a function of a file sees its arguments only, `size(v)` is the size of one";
    else if (use == NumberUse::Require)
      message += "; no input, state or parameter has a dimension of this name";
    message += suggestion.text();
    report(Id::UnknownName, locOf(index), std::move(message));
    return {};
  }

  //===-- Arithmetic --------------------------------------------------------------------------===//

  constexpr Number combine(int32_t index, FunctionId function, const Number &a, const Number &b,
                           NumberUse use) {
    using Kind = Number::Kind;
    if (a.kind == Kind::Bad || b.kind == Kind::Bad)
      return {};
    if (a.kind == Kind::Size && b.kind == Kind::Size && function != functions::kPower) {
      bool areNumbers = cell.sizes.isNumber(a.size) && cell.sizes.isNumber(b.size);
      if (function != functions::kDivide || !areNumbers || use == NumberUse::Size)
        return sizeOfCombined(index, function, a.size, b.size);
    }
    if (a.kind == Kind::Size && b.kind == Kind::Size)
      if (Number power = powerOfSize(index, function, a.size, b.size); power.kind != Kind::Bad)
        return power;
    double left = 0;
    double right = 0;
    double result = 0;
    if (isKnown(a, left) && isKnown(b, right) && computeConstant(function, left, right, result))
      return ofDouble(result);
    Loc loc = locOf(index);
    return ofValue(addCall(function, {constantOf(a, loc), constantOf(b, loc)}, {}, loc), loc, use);
  }

  constexpr bool isKnown(const Number &number, double &value) const {
    value = number.real;
    if (number.kind != Number::Kind::Size)
      return number.kind == Number::Kind::Real;
    Rational rational = cell.sizes.numberOf(number.size);
    value = static_cast<double>(rational.numerator) / static_cast<double>(rational.denominator);
    return rational.isValid;
  }

  constexpr Number sizeOfCombined(int32_t index, FunctionId function, SizeId a, SizeId b) {
    SizeTable &sizes = cell.sizes;
    SizeId result = combineSizes(function, a, b);
    bool isByZero = function == functions::kDivide && sizes.numberOf(b).isZero();
    if (isByZero || (function == functions::kDivide && sizes.isNumber(result) &&
                     !sizes.numberOf(result).isInteger())) {
      report(Id::InexactDivision, locOf(index),
             makeText("`", sizes.text(a), " / ", sizes.text(b), "` ",
                      isByZero ? "divides by zero" : "is not an integer"));
      return {};
    }
    if (result == kNoSize) {
      report(
          Id::SizeLimit, locOf(index),
          makeText("this size is too large or too complex; sizes are below 2^31 and have at most ",
                   kMaxSizeTerms, " terms"));
      return {};
    }
    if (function == functions::kDivide && needsExactness(result))
      cell.divisions.push_back({result, locOf(index), kNoValue});
    return ofSize(result);
  }

  /// Whether a quotient may leave a rest for some numbers of its names.
  constexpr bool needsExactness(SizeId quotient) const {
    for (const SizeTerm &term : cell.sizes.sum(quotient)) {
      if (!term.factor.isInteger())
        return true;
      for (SizeFactor power : term.powers)
        if (power.exponent < 0 || cell.sizes.atom(power.atom).kind == AtomKind::Quotient)
          return true;
    }
    return false;
  }

  /// `H ^ 2` as a size; Bad for other powers.
  constexpr Number powerOfSize(int32_t index, FunctionId function, SizeId a, SizeId b) {
    Rational exponent = cell.sizes.numberOf(b);
    bool isNatural = function == functions::kPower && exponent.isInteger() &&
                     exponent.numerator >= 0 && exponent.numerator <= kMaxSizePower;
    if (!isNatural)
      return {};
    SizeId power = cell.sizes.power(a, static_cast<int>(exponent.numerator));
    if (power == kNoSize && !cell.sizes.isNumber(a))
      report(Id::SizeLimit, locOf(index), "this size is too complex");
    return power == kNoSize ? Number{} : ofSize(power);
  }

  //===-- Results -----------------------------------------------------------------------------===//

  constexpr Text describe(const Number &number) {
    if (number.kind == Number::Kind::Real)
      return makeText(" is ", number.real);
    if (number.kind == Number::Kind::Size)
      return makeText(" is `", sizeText(number.size), "`");
    return " has no number when the cell is checked";
  }

  constexpr void reportNoSize(Expr expr, const Number &number) {
    if (number.kind == Number::Kind::Real && number.real > static_cast<double>(kMaxSize)) {
      report(Id::SizeLimit, locOf(expr.root),
             makeText("this size is ", number.real, "; sizes are below 2^31"));
      return;
    }
    Text message = "this size is not an integer for all numbers of its names";
    if (number.kind == Number::Kind::Real)
      message = makeText("this size is ", number.real, "; a size is a positive integer");
    report(Id::BadSize, locOf(expr.root), std::move(message));
  }

  /// The number of a size, with the dimensions that the caller has set.
  constexpr Rational boundValue(SizeId size) {
    size = solver.resolve(size);
    if (cell.sizes.isNumber(size))
      return cell.sizes.numberOf(size);
    if (solver.findUnknown(size) != kNoAtom)
      return Rational::invalid();
    std::vector<int64_t> values;
    for (const Dimension &dimension : cell.dimensions) {
      int64_t value = 0;
      for (const Setting &setting : settings.dimensions)
        if (setting.name == dimension.name)
          value = static_cast<int64_t>(setting.number);
      values.push_back(value);
    }
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] == 0 && mentions(size, static_cast<int32_t>(i)))
        return Rational::invalid();
    return cell.sizes.evaluate(size, values);
  }

  constexpr bool mentions(SizeId size, int32_t dimension) const {
    for (const SizeTerm &term : cell.sizes.sum(size))
      for (SizeFactor power : term.powers) {
        const SizeAtom &atom = cell.sizes.atom(power.atom);
        bool isQuotient = atom.kind == AtomKind::Quotient;
        if (isQuotient
                ? mentions(atom.numerator, dimension) || mentions(atom.denominator, dimension)
                : atom.index == dimension)
          return true;
      }
    return false;
  }
};

} // namespace cellwright
