// See element_rows.h.
#include "element_rows.h"

#include "fmt/format.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cellwright {

TestCell cellOfExpression(const std::string &expression, int64_t columns) {
  return cellOfText(
      "cell f {\n  input a[K]\n  input b[K]\n  input c[K]\n  output y = " + expression + "\n}\n",
      {{"K", columns}});
}

double ElementRow::value(double a, double b, double c) const {
  auto [x, y, z] = operands(a, b, c);
  return function->value(x, y, z);
}

std::array<double, 3> ElementRow::operands(double a, double b, double c) const {
  std::array<double, 3> all = {a, b, c};
  std::copy(constants.begin(), constants.end(), all.begin() + inputCount());
  return all;
}

int ElementRow::inputCount() const {
  std::string_view parameters = function->parameters;
  auto count = static_cast<int>(std::count(parameters.begin(), parameters.end(), ',')) + 1;
  return count - static_cast<int>(constants.size());
}

namespace {

std::string expressionOf(const Function &function) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOperators = {
      {{"add", "a + b"}, {"sub", "a - b"}, {"mul", "a * b"}, {"div", "a / b"}, {"neg", "-a"}}};
  for (const auto &[name, expression] : kOperators)
    if (function.name == name)
      return std::string(expression);
  std::string name(function.name);
  if (name == "where")
    return "where(a > 0, b, c)";
  // A row that cells may not call takes the place of one that they may.
  if (function.use == FunctionUse::Internal)
    name = "identity";
  return name + (function.parameters.find("a, b") == 0 ? "(a, b)" : "(a)");
}

ElementRow makeRow(const Function &function, const std::string &expression,
                   std::vector<double> constants) {
  ElementRow row{&function, cellOfExpression(expression, kElementColumns), std::move(constants)};
  if (function.use == FunctionUse::Internal)
    for (Op &op : row.cell.checked.cell.ops)
      if (op.kind == OpKind::Call)
        op.function = findFunction(function.name);
  return row;
}

} // namespace

std::vector<ElementRow> elementRows() {
  std::vector<ElementRow> rows;
  for (const Function &function : kFunctions) {
    bool isElementwise =
        function.kind == FunctionClass::Operator || function.kind == FunctionClass::Elementwise;
    if (!isElementwise)
      continue;
    if (function.name == "pow") {
      for (double exponent : {0.0, 1.0, 2.0, 3.0, 7.0, -1.0, -2.0, 0.5, -0.5, 1.5, 2.75, 1 / 3.0,
                              -0.2, 33.25, 1025.0, -1500.0})
        rows.push_back(makeRow(function, fmt::format("a ^ ({})", exponent), {exponent}));
    } else if (function.name == "leaky_relu") {
      rows.push_back(makeRow(function, "leaky_relu(a)", {0.01}));
      rows.push_back(makeRow(function, "leaky_relu(a, slope = 0.3)", {0.3}));
    } else {
      rows.push_back(makeRow(function, expressionOf(function), {}));
    }
  }
  return rows;
}

SequenceInput elementNumbers(bool isDouble) {
  double infinity = std::numeric_limits<double>::infinity();
  const Elements special = {0.0,   -0.0,     1.0,       -1.0,         3.0,    -3.0,
                            0.5,   infinity, -infinity, std::nan(""), 88.5,   -88.5,
                            103.9, -103.9,   709.5,     -745.0,       1e-310, 1e-40};
  double decades = isDouble ? 250 : 30;
  std::mt19937_64 engine(7);
  auto inUnit = [&] { return static_cast<double>(engine() >> 11) * 0x1p-52 - 1; };
  SequenceInput input;
  input.steps = kElementRows;
  input.sequences = 1;
  for (int i = 0; i < 3; ++i) {
    Elements numbers = special;
    while (static_cast<int64_t>(numbers.size()) < kElementColumns * kElementRows) {
      double u = inUnit();
      switch (numbers.size() % 4) {
      case 0:
        numbers.push_back(u * 2);
        break;
      case 1:
        numbers.push_back(u * 12);
        break;
      case 2:
        numbers.push_back(u * 110);
        break;
      default:
        numbers.push_back((u < 0 ? -1 : 1) * std::pow(10, decades * inUnit()));
      }
    }
    // Special numbers meet each other, not only themselves.
    for (size_t k = 0; k < special.size() * special.size() && i > 0; ++k)
      numbers[special.size() + k] = special[i == 1 ? k / special.size() : k % special.size()];
    if (!isDouble)
      for (double &number : numbers)
        number = static_cast<float>(number);
    input.inputs.push_back(std::move(numbers));
  }
  return input;
}

} // namespace cellwright
