// See build.h: statements as text, which `parse` checks.
#include "cellwright/build.h"

#include "dsl/text.h"
#include "runtime/error.h"

#include <cmath>

namespace cellwright::build {

//===-- Expressions ---------------------------------------------------------------------------===//

Piece Expr::numberPiece(double number) {
  CELLWRIGHT_CHECK(std::isfinite(number), "{} is no number of the language", number);
  Text text;
  appendNumber(text, std::abs(number));
  Piece piece{std::string(text.view())};
  return std::signbit(number) ? makeNegation(std::move(piece)) : piece;
}

static Piece namePiece(std::string_view name) {
  auto isLetter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  bool isName = !name.empty() && isLetter(name[0]);
  for (char c : name)
    isName = isName && (isLetter(c) || (c >= '0' && c <= '9'));
  CELLWRIGHT_CHECK(isName, "`{}` is no name: a letter or `_`, then letters, digits, `_`", name);
  return {std::string(name)};
}

Value::Value(std::string_view name) : Expr(namePiece(name)) {}

static Expr binary(NodeKind kind, const Expr &a, const Expr &b) {
  return Expr(makeBinary(*detail::findBinary(kind), a.asPiece(), b.asPiece()));
}

Expr operator+(const Expr &a, const Expr &b) { return binary(NodeKind::Add, a, b); }
Expr operator-(const Expr &a, const Expr &b) { return binary(NodeKind::Subtract, a, b); }
Expr operator*(const Expr &a, const Expr &b) { return binary(NodeKind::Multiply, a, b); }
Expr operator/(const Expr &a, const Expr &b) { return binary(NodeKind::Divide, a, b); }
Expr operator-(const Expr &a) { return Expr(makeNegation(a.asPiece())); }
Expr product(const Expr &matrix, const Expr &other) {
  return binary(NodeKind::MatMul, matrix, other);
}
Expr power(const Expr &a, const Expr &exponent) {
  return Expr(makePower(a.asPiece(), exponent.asPiece()));
}

static Comparison compare(const Expr &a, cellwright::Comparison sign, const Expr &b) {
  std::string text = a.text() + " ";
  text += comparisonText(sign);
  return {text + " " + b.text()};
}

Comparison operator==(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::Equal, b);
}
Comparison operator!=(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::NotEqual, b);
}
Comparison operator<(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::Less, b);
}
Comparison operator<=(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::LessEqual, b);
}
Comparison operator>(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::Greater, b);
}
Comparison operator>=(const Expr &a, const Expr &b) {
  return compare(a, cellwright::Comparison::GreaterEqual, b);
}

//===-- Calls ---------------------------------------------------------------------------------===//

Argument::Argument(std::string_view name, const Expr &value)
    : text(Value(name).text() + " = " + value.text()) {}
Argument::Argument(std::string_view name, std::string_view word)
    : text(Value(name).text() + " = " + Value(word).text()) {}

Expr Function::call(const std::vector<Argument> &arguments) const {
  std::vector<Piece> pieces;
  for (const Argument &argument : arguments)
    pieces.push_back({argument.text});
  return Expr(makeCall(name, pieces));
}

Start startAt(const Expr &number) { return {" = " + number.text()}; }

//===-- Statements ----------------------------------------------------------------------------===//

static std::string sized(std::string_view name, const Expr &size) {
  return Value(name).text() + "[" + size.text() + "]";
}

static std::string startText(const Start &start) {
  return start.text + (start.isFrozen ? " frozen" : "");
}

CellBuilder::CellBuilder(std::string_view name) : name(Value(name).text()) {}

void CellBuilder::add(std::string_view statement) {
  body.append(static_cast<size_t>(2 * depth), ' ');
  body += statement;
  body += '\n';
}

Input CellBuilder::input(std::string_view name, const Expr &size, Changes changes) {
  add("input " + sized(name, size) + (changes == Changes::PerSequence ? " per sequence" : ""));
  return Input(name);
}

State CellBuilder::state(std::string_view name, const Expr &size) {
  add("state " + sized(name, size));
  return State(name);
}

Param CellBuilder::param(std::string_view name, std::initializer_list<Expr> sizes,
                         const Start &start) {
  std::string shape;
  for (const Expr &size : sizes)
    shape += (shape.empty() ? "[" : ", ") + size.text();
  add("param " + Value(name).text() + shape + (shape.empty() ? "" : "]") + startText(start));
  return Param(name);
}

Value CellBuilder::option(std::string_view name, const Expr &number) {
  add("option " + Value(name).text() + " = " + number.text());
  return Value(name);
}

void CellBuilder::init(std::string_view param, const Start &start) {
  add("init " + Value(param).text() + startText(start));
}

void CellBuilder::require(const Comparison &comparison, std::string_view why) {
  CELLWRIGHT_CHECK(why.find_first_of("\"\r\n") == why.npos,
                   "a reason has neither quotes nor line ends: {}", why);
  std::string statement = "require " + comparison.text;
  if (!why.empty())
    statement += " \"" + std::string(why) + "\"";
  add(statement);
}

Value CellBuilder::let(std::string_view name, const Expr &value) {
  add(Value(name).text() + " = " + value.text());
  return Value(name);
}

Value CellBuilder::let(std::string_view name, const Expr &size, const Expr &value) {
  add(sized(name, size) + " = " + value.text());
  return Value(name);
}

void CellBuilder::next(const State &state, const Expr &value) {
  add(state.next().text() + " = " + value.text());
}

Value CellBuilder::output(std::string_view name, const Expr &value) {
  add("output " + Value(name).text() + " = " + value.text());
  return Value(name);
}

Value CellBuilder::output(std::string_view name, const Expr &size, const Expr &value) {
  add("output " + sized(name, size) + " = " + value.text());
  return Value(name);
}

Function CellBuilder::fn(std::string_view name, std::initializer_list<std::string_view> params,
                         const Expr &body) {
  std::vector<Argument> arguments;
  for (std::string_view param : params)
    arguments.push_back(Value(param));
  add("fn " + Function(name).call(arguments).text() + " = " + body.text());
  return Function(name);
}

void CellBuilder::repeat(std::string_view counter, const Expr &first, const Expr &last,
                         const std::function<void(const Value &counter)> &body) {
  Value value(counter);
  add("repeat " + value.text() + " in " + first.text() + ".." + last.text() + " {");
  ++depth;
  body(value);
  --depth;
  add("}");
}

std::string CellBuilder::text() const { return "cell " + name + " {\n" + body + "}\n"; }

LoadedCell CellBuilder::check(const LoadSettings &settings) const {
  return parse(text(), name, settings, name);
}

} // namespace cellwright::build
