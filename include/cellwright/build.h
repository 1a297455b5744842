// Cells that programs make: searches, importers. Statements and expressions as C++ values, checked
// as the text would be; the result is the same cell as `parse` gives.
//
//   using namespace cellwright::build;
//   CellBuilder cell("my_gru");
//   Dimension I("I"), H("H");
//   Function sigmoid("sigmoid"), tanh("tanh");
//   Input x = cell.input("x", I);
//   State h = cell.state("h", H);
//   Value z = cell.let("z", sigmoid(linear(x, h)));
//   Value n = cell.let("n", tanh(linear(x, z * h)));
//   cell.next(h, z * h + (1 - z) * n);
//   cellwright::LoadedCell checked = cell.check();
//
// A name in C++ is a name in the cell wherever it stands: builders do not copy values, they write
// equations. What a builder is told wrong is an Error: at once for names that are none, at `check`
// with all diagnostics and their places in the built text for the rest.
#pragma once

#include "cellwright/load.h"
#include "dsl/piece.h"

#include <concepts>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cellwright::build {

//===-- Expressions ---------------------------------------------------------------------------===//

/// An expression of the language: a number, a name, or what operators and functions make of them.
class Expr {
public:
  /// A number. Throws Error for infinity and NaN, which the language cannot write.
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number> Expr(Number number)
      : Expr(numberPiece(static_cast<double>(number))) {}
  explicit Expr(Piece piece) : piece(std::move(piece)) {}

  /// `W.T`.
  Expr transposed() const { return Expr(makeTranspose(piece)); }
  /// `v[begin:end]`.
  Expr slice(const Expr &begin, const Expr &end) const {
    return Expr(makeSlice(piece, begin.piece, end.piece));
  }
  /// As the language writes it.
  const std::string &text() const { return piece.text; }
  const Piece &asPiece() const { return piece; }

private:
  Piece piece;

  static Piece numberPiece(double number);
};

/// A name that stands for a value. Throws Error if it is none: a letter or `_`, then letters,
/// digits, `_`.
class Value : public Expr {
public:
  explicit Value(std::string_view name);
};
/// A name that stands for a size.
class Dimension : public Value {
public:
  using Value::Value;
};
class Input : public Value {
public:
  using Value::Value;
};
class Param : public Value {
public:
  using Value::Value;
};
class State : public Value {
public:
  using Value::Value;
  /// `h'`, the next value, after `CellBuilder::next` has said what it is.
  Expr next() const { return Expr(Piece{text() + "'"}); }
};

Expr operator+(const Expr &a, const Expr &b);
Expr operator-(const Expr &a, const Expr &b);
Expr operator*(const Expr &a, const Expr &b); // element by element
Expr operator/(const Expr &a, const Expr &b);
Expr operator-(const Expr &a);
/// `W @ h`: a matrix times a vector or a matrix.
Expr product(const Expr &matrix, const Expr &other);
/// `a ^ p` with a compile-time number p.
Expr power(const Expr &a, const Expr &exponent);

/// Two sides of a `require`, or, as `c > 0`, the condition of `where`.
struct Comparison {
  std::string text;
};
Comparison operator==(const Expr &a, const Expr &b);
Comparison operator!=(const Expr &a, const Expr &b);
Comparison operator<(const Expr &a, const Expr &b);
Comparison operator<=(const Expr &a, const Expr &b);
Comparison operator>(const Expr &a, const Expr &b);
Comparison operator>=(const Expr &a, const Expr &b);

//===-- Calls ---------------------------------------------------------------------------------===//

/// What stands between the parentheses of a call.
class Argument {
public:
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number> Argument(Number number)
      : Argument(Expr(number)) {}
  Argument(const Expr &expr) : text(expr.text()) {}
  Argument(const Comparison &condition) : text(condition.text) {}
  /// `eps = 0.01`, and `bias = false`, whose value is a word.
  Argument(std::string_view name, const Expr &value);
  Argument(std::string_view name, std::string_view word);

  std::string text;
};

/// `linear(x, h, noBias())` and `dropout(v, 0.25, perSequence())`.
inline Argument noBias() { return {"bias", "false"}; }
inline Argument perSequence() { return {"per", "sequence"}; }

/// A function by its name: one of the language's table, or one that `CellBuilder::fn` defines.
class Function {
public:
  explicit Function(std::string_view name) : name(Value(name).text()) {}

  template <class... Arguments> Expr operator()(const Arguments &...arguments) const {
    return call({Argument(arguments)...});
  }
  Expr call(const std::vector<Argument> &arguments) const;

private:
  std::string name;
};

/// `linear(a, b, ...)`; its parameters are named after the statement that it stands in.
template <class... Arguments> Expr linear(const Arguments &...arguments) {
  return Function("linear")(arguments...);
}
template <class... Vectors> Expr concat(const Vectors &...vectors) {
  return Function("concat")(vectors...);
}
/// The number of elements of a vector.
inline Expr size(const Expr &vector) { return Function("size")(vector); }
/// `where(c > 0, a, b)`.
inline Expr where(const Comparison &condition, const Expr &a, const Expr &b) {
  return Function("where")(condition, a, b);
}

//===-- Statements ----------------------------------------------------------------------------===//

/// How a parameter starts: `draw("uniform", -0.1, 0.1)`, `startAt(1)`.
struct Start {
  std::string text; // behind the parameter's name
  bool isFrozen = false;

  /// Not trained.
  Start frozen() const { return {text, true}; }
};
Start startAt(const Expr &number);
template <class... Numbers> Start draw(std::string_view initializer, const Numbers &...numbers) {
  return {
      " ~ " +
      (sizeof...(numbers) == 0 ? Value(initializer) : Function(initializer)(numbers...)).text()};
}

enum class Changes : uint8_t { EveryStep, PerSequence }; // of an input

/// A cell statement by statement, each as in LANGUAGE.md.
class CellBuilder {
public:
  explicit CellBuilder(std::string_view name);

  Input input(std::string_view name, const Expr &size, Changes changes = Changes::EveryStep);
  State state(std::string_view name, const Expr &size);
  /// No size makes a scalar, two a matrix.
  Param param(std::string_view name, std::initializer_list<Expr> sizes, const Start &start = {});
  Value option(std::string_view name, const Expr &number);
  /// `init b_f = 1`, for parameters that `linear` makes.
  void init(std::string_view param, const Start &start);
  void require(const Comparison &comparison, std::string_view why = {});
  /// `name = value`, `name[size] = value`.
  Value let(std::string_view name, const Expr &value);
  Value let(std::string_view name, const Expr &size, const Expr &value);
  /// `h' = value`.
  void next(const State &state, const Expr &value);
  Value output(std::string_view name, const Expr &value);
  Value output(std::string_view name, const Expr &size, const Expr &value);
  /// `fn gate(a, b) = body`; the body names the parameters as `Value("a")`.
  Function fn(std::string_view name, std::initializer_list<std::string_view> params,
              const Expr &body);
  /// `repeat l in first..last { ... }`: `body` adds the statements and gets the counter.
  void repeat(std::string_view counter, const Expr &first, const Expr &last,
              const std::function<void(const Value &counter)> &body);

  /// What was built so far, unchecked.
  std::string text() const;
  /// Checks the cell. Throws Error with all of its problems; their places are places of `text`.
  LoadedCell check(const LoadSettings &settings = {}) const;

private:
  std::string name;
  std::string body;
  int depth = 1;

  void add(std::string_view statement);
};

} // namespace cellwright::build
