// See expression_generator.h.
#include "tests/support/expression_generator.h"

#include "tests/support/function_ranges.h"

#include "fmt/format.h"

#include <algorithm>
#include <span>
#include <utility>

namespace cellwright::test {

namespace {

std::vector<const Function *> publicRows(FunctionClass kind) {
  std::vector<const Function *> rows;
  for (const Function &function : kFunctions)
    if (function.kind == kind && function.use == FunctionUse::Public)
      rows.push_back(&function);
  return rows;
}

const Function &row(std::string_view name) { return kFunctions[findFunction(name)]; }

/// A name without the prime of a next state, as parameters of `linear` have it.
std::string plainName(std::string name) {
  std::erase(name, '\'');
  return name;
}

} // namespace

//===-- Names and leaves ----------------------------------------------------------------------===//

void ExpressionGenerator::beginStatement(const std::string &name) {
  statement = plainName(name);
  mayUseLinear = !name.empty();
  made.clear();
}

std::string ExpressionGenerator::freshName(const std::string &stem) {
  std::string name = stem;
  for (int number = 2; !scope.names.insert(name).second; ++number)
    name = stem + std::to_string(number);
  return name;
}

std::vector<const GeneratedValue *> ExpressionGenerator::valuesOf(int rank) const {
  std::vector<const GeneratedValue *> found;
  for (const GeneratedValue &value : scope.values)
    if (value.rank == rank)
      found.push_back(&value);
  return found;
}

GeneratedSize ExpressionGenerator::someSize() {
  auto vectors = valuesOf(1);
  if (vectors.empty() || draws.chance(0.1))
    return {{1, 0, 0}, 0};
  return draws.pick(vectors)->rows;
}

GeneratedValue ExpressionGenerator::number(double value) {
  GeneratedValue result;
  result.rank = 0;
  result.text = draws.chance(0.2) ? fmt::format("{:.3e}", value) : fmt::format("{}", value);
  result.binding = value < 0 ? Binding::Negation : Binding::Call;
  result.range = {value, value};
  return result;
}

GeneratedValue ExpressionGenerator::declareParam(int rank, const GeneratedSize &rows,
                                                 const GeneratedSize &columns) {
  static const std::vector<std::string> kVectorKinds = {"", " ~ zeros", " ~ uniform(-0.5, 0.5)",
                                                        " ~ normal(0, 1e-1)", " = 0.25"};
  static const std::vector<std::string> kMatrixKinds = {
      "", " ~ glorot", " ~ he", " ~ uniform(-size(h) ^ -0.5, 0.5)", " ~ zeros"};
  GeneratedValue param;
  param.rank = rank;
  param.rows = rows;
  param.columns = columns;
  param.text = freshName(rank == 2 ? "M" : rank == 1 ? "p" : "s");
  // What makeRandomInput draws.
  param.range = Range::upTo(rank == 2 ? 1 / std::sqrt(numberOf(columns)) : 0.3);
  std::string shape = rank == 2   ? "[" + rows.text() + ", " + columns.text() + "]"
                      : rank == 1 ? "[" + rows.text() + "]"
                                  : "";
  std::string kind = draws.pick(rank == 2 ? kMatrixKinds : kVectorKinds);
  if (rank == 2 && rows == columns && draws.chance(0.4))
    kind = draws.chance(0.5) ? " ~ orthogonal" : " ~ identity(0.9)";
  if (kind.find("size(h)") != std::string::npos && !scope.names.contains("h"))
    kind = " ~ glorot";
  bool isFrozen = draws.chance(0.15);
  scope.declarations.push_back("param " + param.text + shape + kind + (isFrozen ? " frozen" : ""));
  scope.values.push_back(param);
  return param;
}

GeneratedValue ExpressionGenerator::leaf(const GeneratedSize &size) {
  std::vector<const GeneratedValue *> fitting;
  for (const GeneratedValue *value : valuesOf(1))
    if (value->rows == size)
      fitting.push_back(value);
  if (fitting.empty() || draws.chance(0.08))
    return declareParam(1, size, {});
  return *draws.pick(fitting);
}

/// A scalar that does not change from step to step, so that a matrix may be made with it.
GeneratedValue ExpressionGenerator::scalarLeaf() {
  static const std::vector<double> kNumbers = {0.5, -0.75, 1, 1.25, -0.3, 2, 0.1};
  std::vector<const GeneratedValue *> fitting;
  for (const GeneratedValue *value : valuesOf(0))
    if (value->isSized)
      fitting.push_back(value);
  switch (draws.below(4)) {
  case 0:
    return declareParam(0, {}, {});
  case 1:
    if (!fitting.empty())
      return *draws.pick(fitting);
    [[fallthrough]];
  default:
    return number(draws.pick(kNumbers));
  }
}

//===-- Operators -----------------------------------------------------------------------------===//

static GeneratedValue shapedLike(const GeneratedValue &left, const GeneratedValue &right) {
  GeneratedValue result = right.rank > left.rank ? right : left;
  result.isSized =
      (left.rank == result.rank && left.isSized) || (right.rank == result.rank && right.isSized);
  return result;
}

GeneratedValue ExpressionGenerator::sum(const GeneratedValue &left, const GeneratedValue &right,
                                        bool isDifference) {
  GeneratedValue result = shapedLike(left, right);
  result.binding = Binding::Sum;
  result.text =
      left.inside(Binding::Sum) + (isDifference ? " - " : " + ") + right.inside(Binding::Product);
  const Range &r = right.range;
  result.range = isDifference ? Range{left.range.low - r.high, left.range.high - r.low}
                              : Range{left.range.low + r.low, left.range.high + r.high};
  return result;
}

GeneratedValue ExpressionGenerator::product(const GeneratedValue &left,
                                            const GeneratedValue &right) {
  GeneratedValue result = shapedLike(left, right);
  result.binding = Binding::Product;
  result.text = left.inside(Binding::Product) + " * " + right.inside(Binding::MatMul);
  result.range = left.range.scaled(right.range.low).joined(left.range.scaled(right.range.high));
  return result;
}

/// `left @ right` of a matrix and a matrix or vector.
GeneratedValue ExpressionGenerator::multiplied(const GeneratedValue &left,
                                               const GeneratedValue &right) const {
  GeneratedValue result;
  result.rank = right.rank;
  result.rows = left.rows;
  result.columns = right.columns;
  result.binding = Binding::MatMul;
  result.text = left.inside(Binding::MatMul) + " @ " + right.inside(Binding::Negation);
  result.range = Range::upTo(static_cast<double>(numberOf(left.columns)) * left.range.most() *
                             right.range.most());
  return result;
}

GeneratedValue ExpressionGenerator::positive(GeneratedValue value) {
  value.text = "0.5 + sigmoid(" + value.text + ")";
  value.binding = Binding::Sum;
  value.range = {0.5, 1.5};
  return value;
}

GeneratedValue ExpressionGenerator::quotient(const GeneratedValue &left, GeneratedValue right) {
  std::vector<Range> ranges{left.range, right.range};
  auto range = rangeOf(row("div"), ranges, {});
  if (!range) {
    right = positive(right);
    range = Range{left.range.scaled(2).joined(left.range.scaled(1 / 1.5))};
  }
  GeneratedValue result = shapedLike(left, right);
  result.binding = Binding::Product;
  result.text = left.inside(Binding::Product) + " / " + right.inside(Binding::MatMul);
  result.range = *range;
  return result;
}

GeneratedValue ExpressionGenerator::power(GeneratedValue base) {
  struct Exponent {
    const char *text;
    double value;
  };
  static const std::vector<Exponent> kExponents = {
      {"2", 2},       {"3", 3}, {"-1", -1},      {"0.5", 0.5},        {"-0.5", -0.5},
      {"1.5", 1.5},   {"1", 1}, {"0", 0},        {"(1 / 3)", 1 / 3.}, {"-2", -2},
      {"2.75", 2.75}, {"4", 4}, {"(-1.5)", -1.5}};
  const Exponent &exponent = draws.pick(kExponents);
  std::vector<Range> ranges{base.range};
  auto range = rangeOf(row("pow"), ranges, {exponent.value});
  if (!range) {
    base = positive(base);
    ranges[0] = base.range;
    range = rangeOf(row("pow"), ranges, {exponent.value});
  }
  base.text = base.inside(Binding::Call) + " ^ " + exponent.text;
  base.binding = Binding::Power;
  base.range = range.value_or(Range::upTo(kMostMagnitude));
  return base;
}

GeneratedValue ExpressionGenerator::tamed(GeneratedValue value, double most) {
  if (value.range.most() <= most)
    return value;
  static const std::vector<const char *> kBounded = {"tanh", "softsign", "hard_tanh", "sin"};
  if (most >= 1 && draws.chance(0.7)) {
    value.text = std::string(draws.pick(kBounded)) + "(" + value.text + ")";
    value.binding = Binding::Call;
    value.range = Range::upTo(1);
    return value;
  }
  double factor = std::floor(1000 * most / value.range.most()) / 1000;
  return product(number(std::max(factor, 0.001)), value);
}

std::optional<GeneratedValue> ExpressionGenerator::call(const Function &function,
                                                        std::vector<GeneratedValue> operands) {
  Signature signature = signatureOf(function);
  std::vector<double> named;
  std::string extra;
  for (const std::string &name : signature.named) {
    // A default is left out or given; only small positive numbers are asked for.
    bool isGiven = draws.chance(0.5);
    named.push_back(isGiven ? 0.2 : 0.01);
    if (isGiven)
      extra += ", " + name + " = 0.2";
  }
  std::vector<Range> ranges;
  for (const GeneratedValue &operand : operands)
    ranges.push_back(operand.range);
  auto range = rangeOf(function, ranges, named);
  if (!range) {
    for (size_t i = 0; i < operands.size(); ++i) {
      operands[i] = positive(operands[i]);
      ranges[i] = operands[i].range;
    }
    range = rangeOf(function, ranges, named);
    if (!range)
      return std::nullopt;
  }
  GeneratedValue result = operands[0];
  std::string text;
  for (const GeneratedValue &operand : operands) {
    result = shapedLike(result, operand);
    bool isCondition = function.name == "where" && text.empty();
    text += (text.empty() ? "" : ", ") + operand.text + (isCondition ? " > 0" : "");
  }
  result.text = std::string(function.name) + "(" + text + extra + ")";
  result.binding = Binding::Call;
  result.range = *range;
  return result;
}

//===-- Vectors -------------------------------------------------------------------------------===//

GeneratedValue ExpressionGenerator::vector(const GeneratedSize &size, int depth) {
  if (depth <= 0)
    return leaf(size);
  auto make = [&]() -> GeneratedValue {
    switch (draws.below(16)) {
    case 0:
    case 1:
    case 2:
      return mayUseLinear ? linear(size, depth) : elementwise(size, depth);
    case 3:
    case 4:
    case 5:
      return elementwise(size, depth);
    case 6:
      return overVector(size, depth);
    case 7:
      return matrixProduct(size, depth + 1);
    case 8:
      return slice(size, depth);
    case 9:
      return concatenation(size, depth);
    case 10:
      return random(size, depth);
    case 11:
      return ownFunction(size, depth);
    default:
      return arithmetic(size, depth);
    }
  };
  return tamed(make(), kMostMagnitude);
}

GeneratedValue ExpressionGenerator::linear(const GeneratedSize &size, int depth) {
  mayUseLinear = false;
  auto vectors = valuesOf(1);
  std::set<std::string> taken;
  GeneratedValue result;
  result.rows = size;
  result.isSized = false;
  bool isBiased = draws.chance(0.75);
  double most = isBiased ? 0.3 : 0;
  int64_t count = std::min<int64_t>(draws.between(1, 3), std::max<size_t>(vectors.size(), 1));
  std::string operands;
  for (int64_t i = 0; i < count; ++i) {
    GeneratedValue operand;
    if (vectors.empty() || draws.chance(0.2)) {
      operand = vector(someSize(), depth - 1);
      if (!operand.isSized)
        operand = leaf(someSize());
    } else {
      operand = *draws.pick(vectors);
    }
    // An operand that is not a plain name is called by its position.
    bool isName = operand.text.find_first_of(" (-[.") == std::string::npos;
    std::string suffix = isName ? plainName(operand.text) : std::to_string(taken.size() + 1);
    if (!taken.insert(suffix).second)
      continue;
    made.push_back("W_" + statement + "_" + suffix);
    operands += (operands.empty() ? "" : ", ") + operand.text;
    most += std::sqrt(static_cast<double>(numberOf(operand.rows))) * operand.range.most();
  }
  if (isBiased)
    made.push_back("b_" + statement);
  result.text = "linear(" + operands + (isBiased ? ")" : ", bias = false)");
  result.range = Range::upTo(most);
  return result;
}

GeneratedValue ExpressionGenerator::elementwise(const GeneratedSize &size, int depth) {
  static const std::vector<const Function *> kRows = publicRows(FunctionClass::Elementwise);
  const Function &function = *draws.pick(kRows);
  std::vector<GeneratedValue> operands;
  int count = signatureOf(function).operands;
  int64_t sized = draws.below(count); // this operand is a vector, others may be scalars
  for (int i = 0; i < count; ++i) {
    bool isVector = i == sized || draws.chance(0.7);
    operands.push_back(isVector ? vector(size, depth - 1) : scalar(depth - 1));
  }
  if (auto result = call(function, operands))
    return *result;
  return operands[static_cast<size_t>(sized)];
}

GeneratedValue ExpressionGenerator::arithmetic(const GeneratedSize &size, int depth) {
  GeneratedValue left = vector(size, depth - 1);
  switch (draws.below(10)) {
  case 0: {
    GeneratedValue result = left;
    result.text = "-" + left.inside(Binding::Power);
    result.binding = Binding::Negation;
    result.range = left.range.scaled(-1);
    return result;
  }
  case 1:
    return power(left);
  case 2:
    return quotient(left, draws.chance(0.5) ? vector(size, depth - 1) : scalar(depth - 1));
  case 3:
    return sum(scalar(depth - 1), left, draws.chance(0.5));
  case 4:
    return product(scalar(depth - 1), left);
  case 5:
  case 6:
    return sum(left, vector(size, depth - 1), draws.chance(0.4));
  default:
    return product(left, vector(size, depth - 1));
  }
}

GeneratedValue ExpressionGenerator::overVector(const GeneratedSize &size, int depth) {
  static const std::vector<const Function *> kRows = publicRows(FunctionClass::OverVector);
  const Function &function = *draws.pick(kRows);
  GeneratedValue operand = vector(size, depth - 1);
  Range range = rangeOverVector(function.name, numberOf(size), operand.range, operand.range);
  // Normalizing a vector whose elements are nearly equal divides by a number near zero: an eps of
  // the vector's own size keeps that small.
  std::string extra;
  for (const std::string &name : signatureOf(function).named)
    extra += ", " + name + " = " + (draws.chance(0.5) ? "0.25" : "1e-1");
  operand.text = std::string(function.name) + "(" + operand.text + extra + ")";
  operand.binding = Binding::Call;
  operand.range = range;
  return operand;
}

GeneratedValue ExpressionGenerator::matrixProduct(const GeneratedSize &size, int depth) {
  GeneratedSize inner = someSize();
  GeneratedValue left = matrix(size, inner, depth - 1);
  GeneratedValue right = vector(inner, depth - 1);
  return multiplied(left, right);
}

GeneratedValue ExpressionGenerator::slice(const GeneratedSize &size, int depth) {
  std::vector<const GeneratedValue *> longer;
  for (const GeneratedValue *value : valuesOf(1))
    if (numberOf(value->rows) > numberOf(size))
      longer.push_back(value);
  if (longer.empty())
    return vector(size, depth - 1);
  GeneratedSize whole = draws.pick(longer)->rows;
  GeneratedValue operand = withoutLinear([&] { return vector(whole, depth - 2); });
  GeneratedSize begin{{}, static_cast<int>(draws.between(0, numberOf(whole) - numberOf(size)))};
  operand.text =
      operand.inside(Binding::Call) + "[" + begin.text() + ":" + (begin + size).text() + "]";
  operand.binding = Binding::Call;
  operand.rows = size;
  return operand;
}

GeneratedValue ExpressionGenerator::concatenation(const GeneratedSize &size, int depth) {
  if (numberOf(size) < 2)
    return vector(size, depth - 1);
  GeneratedSize first = size;
  first.constant -= 1;
  GeneratedSize second{{}, 1};
  // H + K in its parts rather than in H + K - 1 and 1.
  for (size_t i = 0; i < size.factors.size(); ++i) {
    GeneratedSize name;
    name.factors[i] = 1;
    GeneratedSize rest = size;
    rest.factors[i] -= 1;
    if (size.factors[i] > 0 && numberOf(rest) >= 1 && draws.chance(0.7)) {
      first = name;
      second = rest;
    }
  }
  auto part = [&](const GeneratedSize &partSize) {
    return withoutLinear([&] {
      return draws.chance(0.5) ? slice(partSize, depth - 1) : vector(partSize, depth - 1);
    });
  };
  GeneratedValue left = part(first);
  GeneratedValue right = part(second);
  GeneratedValue result;
  result.rows = size;
  result.text = "concat(" + left.text + ", " + right.text + ")";
  result.range = left.range.joined(right.range);
  return result;
}

GeneratedValue ExpressionGenerator::random(const GeneratedSize &size, int depth) {
  GeneratedValue fresh = vector(size, depth - 1);
  if (draws.chance(0.5)) {
    fresh.text =
        "dropout(" + fresh.text + ", 0.25" + (draws.chance(0.4) ? ", per = sequence)" : ")");
    fresh.range = fresh.range.scaled(1 / 0.75).joined({0, 0});
  } else {
    GeneratedValue old = vector(size, depth - 1);
    GeneratedValue both = shapedLike(fresh, old);
    both.text = "zoneout(" + fresh.text + ", " + old.text + ", 0.3)";
    both.range = fresh.range.joined(old.range);
    fresh = both;
  }
  fresh.binding = Binding::Call;
  return fresh;
}

GeneratedValue ExpressionGenerator::ownFunction(const GeneratedSize &size, int depth) {
  std::vector<const GeneratedFunction *> usable;
  for (const GeneratedFunction &function : scope.functions)
    if (!function.hasLinear || (mayUseLinear && !valuesOf(1).empty()))
      usable.push_back(&function);
  if (usable.empty())
    return arithmetic(size, depth);
  const GeneratedFunction &function = *draws.pick(usable);
  GeneratedValue result;
  result.rows = size;
  result.range = function.range;
  result.isSized = !function.hasLinear;
  std::string operands;
  if (function.hasLinear) {
    mayUseLinear = false;
    auto vectors = valuesOf(1);
    std::set<std::string> taken;
    for (int i = 0; i < function.parameters; ++i) {
      const GeneratedValue &operand = *draws.pick(vectors);
      // Twice the same name would make the same parameter twice.
      bool isNew = taken.insert(plainName(operand.text)).second;
      operands += (i == 0 ? "" : ", ") + (isNew ? operand.text : "0.5 * " + operand.text);
    }
  } else {
    bool isSized = false;
    for (int i = 0; i < function.parameters; ++i) {
      GeneratedValue operand = tamed(vector(size, depth - 1), 1);
      isSized |= operand.isSized;
      operands += (i == 0 ? "" : ", ") + operand.text;
    }
    result.isSized = isSized;
  }
  result.text = function.name + "(" + operands + ")";
  return result;
}

//===-- Scalars and matrices ------------------------------------------------------------------===//

GeneratedValue ExpressionGenerator::scalar(int depth) {
  static const std::vector<const char *> kFunctionsOfScalars = {"tanh", "sigmoid", "exp", "abs"};
  if (depth <= 0)
    return scalarLeaf();
  switch (draws.below(6)) {
  case 0:
  case 1:
    return tamed(reduction(depth), 2);
  case 2:
    if (auto result = call(row(draws.pick(kFunctionsOfScalars)), {scalar(depth - 1)}))
      return *result;
    return scalarLeaf();
  case 3: {
    auto vectors = valuesOf(1);
    if (vectors.empty())
      return scalarLeaf();
    const GeneratedValue &vector = *draws.pick(vectors);
    double size = static_cast<double>(numberOf(vector.rows));
    GeneratedValue root;
    root.rank = 0;
    root.text = "size(" + vector.text + ") ^ -0.5";
    root.binding = Binding::Power;
    root.range = {1 / std::sqrt(size), 1 / std::sqrt(size)};
    return root;
  }
  case 4:
    return tamed(product(scalar(depth - 1), scalar(depth - 1)), 2);
  default:
    return tamed(sum(scalar(depth - 1), scalar(depth - 1), draws.chance(0.5)), 2);
  }
}

GeneratedValue ExpressionGenerator::reduction(int depth) {
  static const std::vector<const Function *> kRows = publicRows(FunctionClass::Reduction);
  const Function &function = *draws.pick(kRows);
  GeneratedSize size = someSize();
  auto operand = [&] { return withoutLinear([&] { return vector(size, depth - 1); }); };
  GeneratedValue first = operand();
  GeneratedValue second = first;
  GeneratedValue result;
  result.rank = 0;
  result.text = std::string(function.name) + "(" + first.text;
  if (signatureOf(function).operands == 2) {
    second = operand();
    result.text += ", " + second.text;
  }
  result.text += ")";
  result.range = rangeOverVector(function.name, numberOf(size), first.range, second.range);
  result.isSized = false; // may change from step to step
  return result;
}

GeneratedValue ExpressionGenerator::matrix(const GeneratedSize &rows, const GeneratedSize &columns,
                                           int depth) {
  auto fits = [&](const GeneratedValue &value, bool isTransposed) {
    return value.rows == (isTransposed ? columns : rows) &&
           value.columns == (isTransposed ? rows : columns);
  };
  auto transposed = [&](GeneratedValue value) {
    value.text = value.inside(Binding::Call) + ".T";
    value.binding = Binding::Call;
    std::swap(value.rows, value.columns);
    return value;
  };
  if (depth <= 0) {
    for (const GeneratedValue *value : valuesOf(2)) {
      if (fits(*value, false) && draws.chance(0.4))
        return *value;
      if (fits(*value, true) && draws.chance(0.4))
        return transposed(*value);
    }
    return declareParam(2, rows, columns);
  }
  switch (draws.below(8)) {
  case 0:
    return transposed(matrix(columns, rows, depth - 1));
  case 1: {
    if (rows != columns)
      break;
    GeneratedValue param = matrix(rows, rows, 0);
    return sum(param, transposed(param), draws.chance(0.8));
  }
  case 2:
    return product(scalarLeaf(), matrix(rows, columns, depth - 1));
  case 3: {
    static const std::vector<const char *> kOfMatrices = {"softplus", "tanh", "sigmoid", "square"};
    if (auto result = call(row(draws.pick(kOfMatrices)), {matrix(rows, columns, depth - 1)}))
      return *result;
    break;
  }
  case 4: {
    GeneratedSize inner = someSize();
    GeneratedValue left = matrix(rows, inner, depth - 1);
    return tamed(multiplied(left, matrix(inner, columns, 0)), kMostMagnitude);
  }
  case 5:
    return tamed(sum(matrix(rows, columns, 0), matrix(rows, columns, depth - 1), false),
                 kMostMagnitude);
  default:
    break;
  }
  return matrix(rows, columns, 0);
}

} // namespace cellwright::test
