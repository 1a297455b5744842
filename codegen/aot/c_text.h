// Pieces of C as text: expressions with how tightly they bind, numbers, lines of at most 100
// columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cellwright {

/// From loose to tight.
enum class CTightness { Conditional, Sum, Product, Unary, Postfix };

struct CExpression {
  std::string text;
  CTightness tightness = CTightness::Postfix;

  /// The text for a place that needs this tightness.
  std::string at(CTightness least) const { return tightness < least ? "(" + text + ")" : text; }
};

/// A number as the shortest text that reads back the same in `float` or `double`.
CExpression cNumber(double number, bool isDouble);

/// Lines of a function's body, indented as their braces say.
class CLines {
public:
  explicit CLines(int depth = 1) : depth(depth) {}

  /// Adds a line, broken between arguments and operands where it is too long. One that ends with
  /// `{` opens a block, one that begins with `}` closes one.
  void add(const std::string &line);
  void add(const CLines &lines) { text += lines.text; }
  /// Adds a loop or a condition of one statement, without braces.
  void addNested(const std::string &head, const std::string &statement);
  bool isEmpty() const { return text.empty(); }
  int currentDepth() const { return depth; }
  const std::string &str() const { return text; }

private:
  int depth;
  std::string text;
};

/// True if an identifier of C stands in a text.
bool mentions(std::string_view text, std::string_view identifier);

/// Replaces `what` until none is left. Precondition: `with` does not contain it.
void replaceAll(std::string &text, std::string_view what, std::string_view with);

} // namespace cellwright
