// Identity: cells that differ in what does not matter have one form and one hash, all others do
// not, and the canonical cell computes the same.
#include "support.h"

#include "dsl/canonical.h"
#include "dsl/library.h"
#include "tests/support/cell_generator.h"
#include "tests/support/generated_values.h"
#include "tests/support/shipped_cells.h"

#include <cmath>
#include <set>

namespace cellwright::test {

namespace {

Hash128 hashOf(const std::string &text) {
  Checked checked = check(text);
  REQUIRE_MESSAGE(checked.isGood(checked.cells.size() - 1), checked.problems);
  return cellHash(checked.cells.back().cell);
}

std::string identityOf(const std::string &text) {
  Checked checked = check(text);
  REQUIRE_MESSAGE(checked.isGood(checked.cells.size() - 1), checked.problems);
  return identityText(canonicalize(checked.cells.back().cell).cell);
}

/// Whether two lists of statements, after an input x[H] and states h[H] and c[H], are one cell.
bool areSame(const std::string &a, const std::string &b) {
  auto text = [](const std::string &statements) {
    return "cell a {\n input x[H]\n state h[H], c[H]\n param W[H, H], V[H, H], b[H], s\n" +
           statements + (statements.find("c'") == std::string::npos ? "\n c' = c" : "") + "\n}";
  };
  CHECK((hashOf(text(a)) == hashOf(text(b))) == (identityOf(text(a)) == identityOf(text(b))));
  return identityOf(text(a)) == identityOf(text(b));
}

//===-- Changes that do not matter ------------------------------------------------------------===//

/// The same cell with other names, its states, parameters and operations in another order, operands
/// of sums and products swapped, some of them computed twice, and some computed for nobody.
class Shuffler {
public:
  Shuffler(const Cell &cell, uint64_t seed) : cell(cell), draws(seed) {}

  Cell shuffle() {
    result.name = "other";
    result.dimensions = cell.dimensions;
    result.sizes = cell.sizes;
    result.inputs = cell.inputs;
    result.randomCount = cell.randomCount;
    permute(cell.states, result.states, states);
    permute(cell.params, result.params, params);
    values.assign(cell.ops.size(), kNoValue);
    for (size_t i = 0; i < cell.ops.size(); ++i)
      copy(static_cast<ValueId>(i));
    result.output = values[cell.output];
    for (size_t i = 0; i < cell.states.size(); ++i)
      result.states[states[i]].next = values[cell.states[i].next];
    for (Param &param : result.params) {
      param.initializer.first = valueOf(param.initializer.first);
      param.initializer.second = valueOf(param.initializer.second);
    }
    return result;
  }

private:
  const Cell &cell;
  Draws draws;
  Cell result;
  std::vector<ValueId> values;
  std::vector<int32_t> states, params;

  ValueId valueOf(ValueId value) const { return value == kNoValue ? kNoValue : values[value]; }

  template <class Thing>
  void permute(const std::vector<Thing> &from, std::vector<Thing> &to,
               std::vector<int32_t> &places) {
    for (size_t i = 0; i < from.size(); ++i)
      places.push_back(static_cast<int32_t>(i));
    for (size_t i = from.size(); i > 1; --i)
      std::swap(places[i - 1], places[draws.below(i)]);
    to.resize(from.size());
    for (size_t i = 0; i < from.size(); ++i) {
      to[places[i]] = from[i];
      to[places[i]].name = makeText("other_", places[i]);
    }
  }

  ValueId add(Op op, const std::vector<ValueId> &operands) {
    op.firstOperand = static_cast<int32_t>(result.operands.size());
    op.operandCount = static_cast<int32_t>(operands.size());
    op.name = "another";
    result.operands.insert(result.operands.end(), operands.begin(), operands.end());
    result.ops.push_back(op);
    return static_cast<ValueId>(result.ops.size()) - 1;
  }

  ValueId call(std::string_view function, const Op &like, const std::vector<ValueId> &operands) {
    Op op = like;
    op.kind = OpKind::Call;
    op.function = findFunction(function);
    return add(op, operands);
  }

  void copy(ValueId value) {
    Op op = cell.ops[value];
    std::vector<ValueId> operands;
    for (int i = 0; i < op.operandCount; ++i)
      operands.push_back(values[cell.operand(op, i)]);
    if (op.kind == OpKind::State)
      op.index = states[op.index];
    if (op.kind == OpKind::Param)
      op.index = params[op.index];
    values[value] = make(op, operands);
    bool isRandom =
        op.kind == OpKind::Call && kFunctions[op.function].kind == FunctionClass::Random;
    if (!isRandom && draws.chance(0.2)) // computed again, and used from here on
      values[value] = make(op, operands);
    if (op.shape.rank == 1 && draws.chance(0.1)) // for nobody
      call("tanh", op, {values[value]});
    if (op.shape.rank == 1 && draws.chance(0.1))
      values[value] = call("identity", op, {values[value]});
  }

  ValueId make(const Op &op, std::vector<ValueId> operands) {
    std::string_view name = op.kind == OpKind::Call ? kFunctions[op.function].name : "";
    bool isConstant = op.rate == Rate::Constant;
    if ((name == "add" || name == "mul" || name == "dot") && draws.chance(0.5))
      std::swap(operands[0], operands[1]);
    if (name == "sub" && !isConstant && draws.chance(0.5))
      return call("add", op, {operands[0], call("neg", result.ops[operands[1]], {operands[1]})});
    if (name == "relu" && draws.chance(0.5))
      return add(op, {add(op, operands)});
    return add(op, operands);
  }
};

//===-- What a cell computes ------------------------------------------------------------------===//

struct Values {
  std::vector<Elements> inputs, states, params;
};

std::vector<Elements> makeValues(const Bound &bound, const auto &things, uint64_t seed) {
  std::vector<Elements> values;
  for (const auto &thing : things) {
    Elements elements(static_cast<size_t>(bound.elements(thing.shape)));
    for (double &element : elements)
      element = 0.2 + 0.6 * drawUniform(mixSeed(seed, static_cast<uint32_t>(values.size())), 0, 0,
                                        static_cast<uint32_t>(&element - elements.data()));
    values.push_back(std::move(elements));
  }
  return values;
}

std::vector<Elements> pick(const std::vector<Elements> &from, const std::vector<int32_t> &which) {
  std::vector<Elements> picked;
  for (int32_t i : which)
    picked.push_back(from[i]);
  return picked;
}

/// The largest difference between the outputs of a cell and of its canonical form.
double differenceOf(const Cell &cell, const std::map<std::string, int64_t> &sizes) {
  CanonicalCell canonical = canonicalize(cell);
  Bound bound = test::bind(cell, sizes);
  Bound canonicalBound = test::bind(canonical.cell, sizes);
  std::vector<Elements> inputs = makeValues(bound, cell.inputs, 1);
  std::vector<Elements> states = makeValues(bound, cell.states, 2);
  std::vector<Elements> params = makeValues(bound, cell.params, 3);
  double worst = 0;
  for (int step = 0; step < 3; ++step) {
    StepResult expected = interpretStep(cell, bound, inputs, states, params);
    StepResult found =
        interpretStep(canonical.cell, canonicalBound, inputs, pick(states, canonical.states),
                      pick(params, canonical.params));
    for (size_t i = 0; i < expected.output.size(); ++i)
      if (std::isfinite(expected.output[i]))
        worst = std::max(worst, std::abs(expected.output[i] - found.output[i]) /
                                    std::max(1.0, std::abs(expected.output[i])));
    states = expected.states;
  }
  return worst;
}

/// Calls `visit(cell, sizes, name)` for the shipped cells and for random ones.
template <class Visit> void forEachCell(uint64_t randomCells, Visit visit) {
  for (const std::string &name : shippedCells()) {
    Frontend frontend;
    CheckedCell checked = frontend.findCell(name);
    REQUIRE(checked.isGood);
    std::map<std::string, int64_t> sizes;
    for (const Dimension &dimension : checked.cell.dimensions)
      sizes[std::string(dimension.name.view())] = 4;
    visit(checked.cell, sizes, name);
  }
  for (uint64_t seed = 0; seed < randomCells; ++seed) {
    GeneratedCell generated = generateCell(seed);
    Checked checked = check(generated.text);
    REQUIRE(checked.isGood(checked.cells.size() - 1));
    visit(checked.cells.back().cell, generated.sizes, "seed " + std::to_string(seed));
  }
}

} // namespace

TEST_CASE("hashes are FNV-1a's") {
  CHECK(hexText(hashBytes("")) == "6c62272e07bb014262b821756295c58d");
  CHECK(hexText(hashBytes("a")) == "d228cb696f1a8caf78912b704e4a8964");
  CHECK(hexText(hashBytes("foobar")) == "343e1662793c64bf6f0d3597ba446f18");
}

TEST_CASE("what does not matter") {
  const std::string base = "h' = tanh(W @ x + V @ h + b) * c + s * x\n c' = sigmoid(c) * x";
  CHECK(areSame(base, base));
  CHECK(areSame(base, "c' = x * sigmoid(c)\n u = c * tanh(b + V @ h + W @ x)\n h' = x * s + u"));
  CHECK(areSame(base, "h' = tanh(V @ x + W @ h + b) * c + s * x\n c' = sigmoid(c) * x"));
  CHECK(areSame("h' = x - h\n c' = c", "h' = -h + x\n c' = tanh(c * x)"));
  CHECK(areSame("h' = relu(x + h)", "h' = relu(relu(identity(h + x)))\n c' = h"));
  CHECK(areSame("h' = x * (h * c)\n c' = x + x", "h' = (x * h) * c\n c' = 2 * x"));
  CHECK(areSame("h' = x / h\n c' = c", "h' = x * (1 / h)\n c' = x"));
  CHECK(areSame("h' = x * x + c\n c' = 3 * c", "h' = square(x) + c\n c' = c * 1.5 + c * 1.5"));
  CHECK(areSame("h' = h - (1 - x)", "h' = x + (h - 1)"));
  CHECK(areSame("u = sigmoid(x)\n v = sigmoid(x)\n h' = tanh(u) * h + v",
                "u = sigmoid(x)\n h' = u + h * tanh(u)"));
}

TEST_CASE("what matters") {
  std::vector<std::string> cells = {"h' = tanh(x) * h",
                                    "h' = sigmoid(x) * h",
                                    "h' = tanh(x) + h",
                                    "h' = tanh(x) - h",
                                    "h' = h - tanh(x)",
                                    "h' = tanh(x * h)",
                                    "h' = tanh(h) * x",
                                    "h' = W @ x * h",
                                    "h' = W @ h * x",
                                    "h' = W @ h + W @ x",
                                    "h' = W @ h + V @ x",
                                    "h' = W @ h + V @ x + b",
                                    "h' = W @ h + V @ x + 1",
                                    "h' = tanh(x) * h * 0.5",
                                    "h' = tanh(x) * h * 0.6",
                                    "h' = max(x, h)",
                                    "h' = max(h, x)",
                                    "h' = c\n c' = tanh(x) * c",
                                    "h' = c\n c' = tanh(x) * h",
                                    "h' = dropout(x, 0.5)",

                                    "h' = dropout(x, 0.5, per = sequence)",
                                    "h' = x * x",
                                    "h' = x * x * x",
                                    "h' = x / x",
                                    "h' = x - x",
                                    "h' = concat(x[0:1], h[1:H])",
                                    "h' = W @ x\n init W = 1",
                                    "h' = W @ x\n init W ~ he",
                                    "h' = W @ x\n init W = 2",
                                    "h' = dropout(x, 0.5) + dropout(x, 0.5)"};
  std::set<std::string> forms;
  for (const std::string &cell : cells) {
    std::string text = "cell a {\n input x[H]\n state h[H], c[H]\n"
                       " param W[H, H], V[H, H], b[H]\n" +
                       cell + (cell.find("c'") == std::string::npos ? "\n c' = c" : "") + "\n}";
    CAPTURE(cell);
    CHECK(forms.insert(identityOf(text)).second);
  }
}

TEST_CASE("names of sizes and their order do not matter, which sizes are equal does") {
  std::string cell = "cell a {\n input x[I], u[K]\n state h[H]\n h' = tanh(linear(x, u, h))\n}";
  CHECK(hashOf(cell) ==
        hashOf("cell b {\n state y[A]\n input p[B], q[C]\n y' = tanh(linear(y, q, p))\n}"));
  CHECK(hashOf(cell) !=
        hashOf("cell b {\n state y[A]\n input p[B], q[B]\n y' = tanh(linear(y, q, p))\n}"));
}

TEST_CASE("alike parameters are told apart by all that they do") {
  const std::string begin =
      "cell a {\n input x[H]\n state h[H]\n param A[H,H], B[H,H], a[H], b[H]\n";
  // The pairs belong together: A with a, B with b.
  CHECK(
      hashOf(begin + "h' = tanh(A @ x + a) * tanh(B @ x + b) * sin(a + A @ h) * sin(b + B @ h)}") ==
      hashOf(begin + "h' = sin(b + A @ h) * tanh(a + B @ x) * tanh(A @ x + b) * sin(B @ h + a)}"));
  CHECK(
      hashOf(begin + "h' = tanh(A @ x + a) * tanh(B @ x + b) * sin(a + A @ h) * sin(b + B @ h)}") !=
      hashOf(begin + "h' = tanh(A @ x + a) * tanh(B @ x + b) * sin(a + B @ h) * sin(b + A @ h)}"));
}

TEST_CASE("shuffled cells have the same form") {
  forEachCell(
      100, [](const Cell &cell, const std::map<std::string, int64_t> &, const std::string &name) {
        CAPTURE(name);
        for (uint64_t seed = 0; seed < 5; ++seed) {
          Cell shuffled = Shuffler(cell, seed).shuffle();
          CHECK(cellHash(shuffled) == cellHash(cell));
        }
      });
}

TEST_CASE("a canonical cell computes the same, and is its own form") {
  forEachCell(100, [](const Cell &cell, const std::map<std::string, int64_t> &sizes,
                      const std::string &name) {
    CAPTURE(name);
    CHECK(differenceOf(cell, sizes) < 1e-9);
    CHECK(cellHash(canonicalize(cell).cell) == cellHash(cell));
  });
}

TEST_CASE("shipped cells have different forms") {
  std::map<std::string, std::string> known;
  for (const std::string &name : shippedCells()) {
    Frontend frontend;
    std::string hash = hexText(cellHash(frontend.findCell(name).cell));
    CAPTURE(name);
    CAPTURE(known[hash]);
    CHECK(known[hash].empty());
    known[hash] = name;
  }
}

TEST_CASE("hashes stay what they are: studies keep them") {
  const std::map<std::string, std::string> recorded = {
      {"lstm", "a0744effacca3dbc7fd14ba204b6ce09"},
      {"gru", "14bdd65f8c213945dd544434e7e59f3c"},
      {"mut1", "9ae651be3cfae6bb66a6ea7aa7938e93"},
      {"nas", "2e0513c3326c997f0741b221e8aea14f"},
      {"rhn", "254ac130965ddbbe381cfd44e491501b"},
      {"zoneout_lstm", "fb23123c58d471bf34331f30fab4f01d"},
      {"indrnn", "1cc06168f36dbd5933a8356620c00680"}};
  for (const auto &[name, hash] : recorded) {
    Frontend frontend;
    CAPTURE(name);
    CHECK(hexText(cellHash(frontend.findCell(name).cell)) == hash);
  }
}

TEST_CASE("a long cell takes time in proportion, not a stack") {
  std::string text =
      "cell a {\n input x[H]\n state h[H]\n y = x\n repeat l in 1..9000 { y = tanh(y + "
      "l * x) }\n h' = y + h\n}";
  CHECK(hashOf(text) == hashOf(text));
}

} // namespace cellwright::test
