// Shipped and random cells, taken apart into their syntax and built again: what programs build is
// the cell that the text would be, and prints as the same text.
#include <cellwright/build.h>

#include "dsl/analysis.h"
#include "dsl/frontend.h"
#include "tests/support/cell_generator.h"
#include "tests/support/shipped_cells.h"

#include <doctest/doctest.h>

namespace cellwright::test {

namespace {

using build::CellBuilder;

/// Builds a cell again from its syntax, with the functions of build.h.
class Rebuilder {
public:
  explicit Rebuilder(const Program &program)
      : program(program), syntax(program.files[0]), cell(syntax.cells[0]),
        builder(name(cell.name)) {}

  /// Whether all numbers are spelt as the builder spells them: `0.5` and not `5e-1`.
  bool isSpeltAsPrinted = true;

  CellBuilder rebuild() {
    for (int32_t i = cell.firstStatement; i < cell.endStatement; i = syntax.next(i))
      addStatement(i);
    return builder;
  }

private:
  const Program &program;
  const Syntax &syntax;
  const CellSyntax &cell;
  CellBuilder builder;

  std::string_view name(const NameRef &ref) const { return program.names.text(ref.name); }

  void addStatement(int32_t index) {
    const Statement &s = syntax.statements[index];
    std::string_view n = name(s.name);
    switch (s.kind) {
    case StatementKind::Input:
      builder.input(n, expr(s.rows),
                    s.perSequence ? build::Changes::PerSequence : build::Changes::EveryStep);
      break;
    case StatementKind::State:
      builder.state(n, expr(s.rows));
      break;
    case StatementKind::Param:
      addParam(s);
      break;
    case StatementKind::Init:
      builder.init(n, start(s));
      break;
    case StatementKind::Option:
      builder.option(n, expr(s.value));
      break;
    case StatementKind::Assign:
      s.rows.isEmpty() ? builder.let(n, expr(s.value))
                       : builder.let(n, expr(s.rows), expr(s.value));
      break;
    case StatementKind::AssignNext:
      builder.next(build::State(n), expr(s.value));
      break;
    case StatementKind::Output:
      s.rows.isEmpty() ? builder.output(n, expr(s.value))
                       : builder.output(n, expr(s.rows), expr(s.value));
      break;
    case StatementKind::Require:
      addRequire(s);
      break;
    case StatementKind::Fn:
      addFn(s);
      break;
    case StatementKind::Repeat:
      builder.repeat(n, expr(s.value), expr(s.second), [&](const build::Value &) {
        for (int32_t i = index + 1; i < s.bodyEnd; i = syntax.next(i))
          addStatement(i);
      });
      break;
    case StatementKind::Choose:
    case StatementKind::Skipped:
      FAIL("no shipped cell has choices");
      break;
    }
  }

  void addParam(const Statement &s) {
    if (s.rows.isEmpty())
      builder.param(name(s.name), {}, start(s));
    else if (s.columns.isEmpty())
      builder.param(name(s.name), {expr(s.rows)}, start(s));
    else
      builder.param(name(s.name), {expr(s.rows), expr(s.columns)}, start(s));
  }

  build::Start start(const Statement &s) {
    build::Start start;
    if (s.initializer.name != kNoName) {
      std::string_view initializer = name(s.initializer);
      if (s.value.isEmpty())
        start = build::draw(initializer);
      else if (s.second.isEmpty())
        start = build::draw(initializer, expr(s.value));
      else
        start = build::draw(initializer, expr(s.value), expr(s.second));
    } else if (!s.value.isEmpty()) {
      start = build::startAt(expr(s.value));
    }
    return s.isFrozen ? start.frozen() : start;
  }

  void addRequire(const Statement &s) {
    build::Expr a = expr(s.value), b = expr(s.second);
    std::string_view why;
    if (s.whyEnd > s.why)
      why = program.sources.text({syntax.file, s.why + 1, s.whyEnd - 1});
    const build::Comparison all[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};
    builder.require(all[static_cast<size_t>(s.comparison)], why);
  }

  void addFn(const Statement &s) {
    auto param = [&](int i) { return name(syntax.fnParams[s.firstParam + i]); };
    REQUIRE(s.paramCount >= 1);
    REQUIRE(s.paramCount <= 3);
    if (s.paramCount == 1)
      builder.fn(name(s.name), {param(0)}, expr(s.value));
    else if (s.paramCount == 2)
      builder.fn(name(s.name), {param(0), param(1)}, expr(s.value));
    else
      builder.fn(name(s.name), {param(0), param(1), param(2)}, expr(s.value));
  }

  //===-- Expressions -------------------------------------------------------------------------===//

  build::Expr expr(Expr range) {
    REQUIRE(!range.isEmpty());
    return at(range.root);
  }

  /// The operands of a node in order.
  std::vector<int32_t> operandsOf(int32_t root) const {
    std::vector<int32_t> roots;
    int32_t operand = root - 1;
    for (int32_t i = 0; i < syntax.nodes[root].count; ++i) {
      roots.insert(roots.begin(), operand);
      operand = syntax.operandBefore(operand);
    }
    return roots;
  }

  build::Expr at(int32_t root) {
    const Node &node = syntax.nodes[root];
    std::vector<int32_t> operands = operandsOf(root);
    auto operand = [&](size_t i) { return at(operands[i]); };
    switch (node.kind) {
    case NodeKind::Number:
      isSpeltAsPrinted &=
          program.sources.text(syntax.signLoc(node)) == makeText(node.number).view();
      return node.number;
    case NodeKind::Name:
      return build::Value(program.names.text(node.name));
    case NodeKind::NextState:
      return build::State(program.names.text(node.name)).next();
    case NodeKind::Add:
      return operand(0) + operand(1);
    case NodeKind::Subtract:
      return operand(0) - operand(1);
    case NodeKind::Multiply:
      return operand(0) * operand(1);
    case NodeKind::Divide:
      return operand(0) / operand(1);
    case NodeKind::MatMul:
      return build::product(operand(0), operand(1));
    case NodeKind::Negate:
      return -operand(0);
    case NodeKind::Power:
      return build::power(operand(0), operand(1));
    case NodeKind::Transpose:
      return operand(0).transposed();
    case NodeKind::Bounds:
      return operand(0);
    case NodeKind::Slice:
      return operand(0).slice(operand(1), operand(2));
    default:
      REQUIRE(node.kind == NodeKind::Call);
      return call(node, operands);
    }
  }

  build::Expr call(const Node &node, const std::vector<int32_t> &operands) {
    std::vector<build::Argument> arguments;
    for (int32_t operand : operands)
      arguments.push_back(argument(operand));
    return build::Function(program.names.text(node.name)).call(arguments);
  }

  build::Argument argument(int32_t root) {
    const Node &node = syntax.nodes[root];
    if (node.kind == NodeKind::Positive)
      return at(root - 1) > 0;
    if (node.kind != NodeKind::Named)
      return at(root);
    std::string_view name = program.names.text(node.name);
    if (node.isWord)
      return {name, program.names.text(node.word)};
    return {name, at(root - 1)};
  }
};

/// Everything that compiled code depends on.
std::string meaningOf(std::string_view text) {
  Frontend frontend;
  FileId file = frontend.addText("text", std::string(text));
  CheckedCell checked = frontend.checkFile(file, {});
  REQUIRE_MESSAGE(checked.isGood, frontend.renderProblems());
  return std::string(canonicalText(checked.cell).view());
}

struct Rebuilt {
  LoadedCell cell;
  bool isSpeltAsPrinted = false;
};

/// Builds a text's cell again.
Rebuilt rebuild(std::string_view text) {
  Frontend frontend;
  frontend.addText("text", std::string(text));
  frontend.checkAll();
  REQUIRE_MESSAGE(!frontend.hasErrors(), frontend.renderProblems());
  Rebuilder rebuilder(frontend.program());
  LoadedCell cell = rebuilder.rebuild().check();
  return {std::move(cell), rebuilder.isSpeltAsPrinted};
}

void expectSame(const LoadedCell &cell) {
  CAPTURE(std::string(cell.text()));
  Rebuilt built = rebuild(cell.text());
  CHECK(meaningOf(built.cell.text()) == meaningOf(cell.text()));
  if (built.isSpeltAsPrinted)
    CHECK(built.cell.text() == cell.text());
  Rebuilt again = rebuild(built.cell.text());
  CHECK(again.isSpeltAsPrinted);
  CHECK(again.cell.text() == built.cell.text());
}

} // namespace

TEST_CASE("what is built of a shipped cell's statements is the cell, and prints as its text") {
  for (const std::string &name : shippedCells()) {
    CAPTURE(name);
    expectSame(load(name));
  }
}

TEST_CASE("what is built of a random cell's statements is the cell, and prints as its text") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    expectSame(parse(generateCell(seed).text));
  }
}

} // namespace cellwright::test
