// What the parser makes of a file: cells, statements and expressions in flat lists, referring to
// each other by index. Expressions are stored operands first, each as one contiguous range whose
// last node is its root, so that a pass over an expression of any length is a loop.
#pragma once

#include "dsl/comparison.h"
#include "dsl/names.h"
#include "dsl/source.h"
#include "dsl/text.h"

#include <cstdint>
#include <vector>

namespace cellwright {

enum class NodeKind : uint8_t {
  Number,
  Name,
  NextState, // h'
  Add,
  Subtract,
  Multiply,
  Divide,
  MatMul,
  Negate,
  Power,
  Transpose,
  Slice,    // vector inside its Bounds, begin, end
  Bounds,   // of its operand, a vector that is sliced; the Slice is `skip` nodes ahead
  SizeOf,   // before the argument of `size`, whose Call is `skip` nodes ahead; no operand of it
  Positive, // `expr > 0`, the condition of `where`
  Named,    // `eps = expr`, or, without operand, `bias = false`
  Call,
  ChosenCall, // `choose(f, g)(operands)`, whose choice is `skip`; a Call once that is settled
  Choice,     // `choose { a | b }`, whose choice is `skip`; its operands are the alternatives
};

/// One node of an expression. Its operands are the subtrees that end just before it; `first` is
/// where the first of them begins.
struct Node {
  NodeKind kind = NodeKind::Number;
  bool isWord = false;   // of Named: its value is the name `word`
  NameId name = kNoName; // of a name, a call, a named argument
  NameId word = kNoName;
  int32_t first = 0;
  int32_t count = 0;  // operands
  int32_t skip = 0;   // of Bounds and SizeOf: what is between is read in another way
  uint32_t begin = 0; // the whole expression
  uint32_t end = 0;
  uint32_t signBegin = 0; // the operator, the called name
  uint32_t signEnd = 0;
  double number = 0;
};

/// The nodes [first, root]; empty if root < first.
struct Expr {
  int32_t first = 0;
  int32_t root = -1;

  constexpr bool isEmpty() const { return root < first; }
};

struct NameRef {
  NameId name = kNoName;
  uint32_t begin = 0;
  uint32_t end = 0;
};

enum class StatementKind : uint8_t {
  Input,
  State,
  Param,
  Init,
  Option,
  Assign,
  AssignNext,
  Output,
  Require,
  Fn,
  Repeat,
  Choose,  // its alternatives follow it; none of them is its body
  Skipped, // what another alternative leaves out, and a Choose that is settled
};

/// One statement. A list, `state h[H], c[H]`, is one statement for each name. The body of a
/// `repeat` follows it directly, up to `bodyEnd`.
struct Statement {
  StatementKind kind = StatementKind::Assign;
  Comparison comparison = Comparison::Equal;
  bool perSequence = false;
  bool isFrozen = false;
  bool isListed = false; // shares its keyword with the statement before
  bool isBroken = false; // its diagnostic is out; only the name counts
  NameRef name;
  NameRef initializer; // `~ name`; without it, `value` of a param or init is its constant
  Expr rows;           // sizes in [ ]
  Expr columns;
  Expr value; // right side; default of an option; first side of a require; first bound of a repeat
  Expr
      second; // second side of a require; last bound of a repeat; second argument of an initializer
  int32_t firstParam = 0; // of a fn, in Syntax::fnParams
  int32_t paramCount = 0;
  int32_t argumentCount = 0; // of an initializer
  int32_t bodyEnd = 0;
  uint32_t why = 0; // of a require: the string with its quotes
  uint32_t whyEnd = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct CellSyntax {
  NameRef name;
  NameRef parent;
  int32_t firstStatement = 0;
  int32_t endStatement = 0;
  uint32_t begin = 0;
  uint32_t open = 0; // the `{`
  uint32_t end = 0;
  bool isBroken = false; // has no body
};

enum class ChoiceKind : uint8_t { Function, Expression, Statements };

struct AlternativeSyntax {
  double weight = 1;
  NameRef function;           // in a choice of functions
  int32_t firstStatement = 0; // in one of statements
  int32_t endStatement = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// `choose name(f, g)`, `choose name { a | b }`, in the order in which they begin.
struct ChoiceSyntax {
  ChoiceKind kind = ChoiceKind::Function;
  Text name;            // as written, or made from where it stands
  bool isNamed = false; // it is as written
  bool isInRepeat = false;
  int32_t statement = -1; // which it stands in, or is
  int32_t firstAlternative = 0;
  int32_t count = 0;
  uint32_t begin = 0; // up to its alternatives
  uint32_t end = 0;
};

/// `import "path"`; `target` is filled in by whoever reads files.
struct ImportSyntax {
  uint32_t begin = 0; // the string with its quotes
  uint32_t end = 0;
  FileId target = kNoFile;
};

struct Syntax {
  FileId file = kNoFile;
  std::vector<Node> nodes;
  std::vector<Statement> statements;
  std::vector<NameRef> fnParams;
  std::vector<CellSyntax> cells;
  std::vector<int32_t> fns; // file-level fn statements
  std::vector<ImportSyntax> imports;
  std::vector<ChoiceSyntax> choices;
  std::vector<AlternativeSyntax> alternatives; // of a choice, one after the other
  std::vector<NameId> lostNames;               // what stood in text that could not be parsed
  bool isComplete = true;                      // no syntax errors

  /// The root of the operand before another one of the same node; the last operand's is node - 1.
  constexpr int32_t operandBefore(int32_t operand) const { return nodes[operand].first - 1; }
  /// The whole expression under a node.
  constexpr Expr exprAt(int32_t root) const { return {nodes[root].first, root}; }

  constexpr Loc loc(const Node &node) const { return {file, node.begin, node.end}; }
  constexpr Loc signLoc(const Node &node) const { return {file, node.signBegin, node.signEnd}; }
  constexpr Loc loc(const NameRef &name) const { return {file, name.begin, name.end}; }
  constexpr Loc loc(const ChoiceSyntax &choice) const { return {file, choice.begin, choice.end}; }
  constexpr Loc loc(const Statement &statement) const {
    return {file, statement.begin, statement.end};
  }
  constexpr Loc loc(Expr expr) const { return loc(nodes[expr.root]); }
  /// The statement after this one in the same list, behind its body.
  constexpr int32_t next(int32_t statement) const {
    bool hasBody = statements[statement].kind == StatementKind::Repeat;
    return hasBody ? statements[statement].bodyEnd : statement + 1;
  }
};

} // namespace cellwright
