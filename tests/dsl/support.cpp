#include "support.h"

#include <fstream>
#include <sstream>

namespace cellwright::test {

Checked check(const std::string &text, const Settings &settings) {
  Checked checked;
  checked.frontend = std::make_unique<Frontend>();
  FileId file = checked.frontend->addText("test.cell", text);
  checked.frontend->checkAll();
  const Program &program = checked.frontend->program();
  for (CellId cell = 0; cell < static_cast<CellId>(program.cells.size()); ++cell)
    if (program.cells[cell].file == file)
      checked.cells.push_back(checked.frontend->check(cell, settings));
  checked.problems = checked.frontend->renderProblems();
  return checked;
}

std::vector<std::string> problemsOf(const std::string &text) {
  Frontend frontend;
  frontend.addText("test.cell", text);
  frontend.checkAll();
  frontend.renderProblems();
  std::vector<std::string> lines;
  const Program &program = frontend.program();
  for (const Diagnostic &diagnostic : program.diagnostics.all()) {
    LineColumn place = program.sources.place(diagnostic.loc);
    lines.emplace_back(makeText(place.line, ":", place.column, " ", rowOf(diagnostic.id).name, ": ",
                                diagnostic.message)
                           .view());
  }
  return lines;
}

std::vector<std::string> idsOf(const std::string &text) {
  std::vector<std::string> ids;
  for (const std::string &line : problemsOf(text)) {
    size_t begin = line.find(' ') + 1;
    ids.push_back(line.substr(begin, line.find(':', begin) - begin));
  }
  return ids;
}

std::string cellWith(const std::string &statements) {
  return "cell a {\n  input x[I]\n  state h[H]\n" + statements + "\n}\n";
}

Bound bind(const Cell &cell, const std::map<std::string, int64_t> &dimensions) {
  std::vector<SizeFact> facts;
  for (const auto &[name, number] : dimensions)
    addDimensionFact(cell, name, number, facts);
  Diagnostics problems;
  std::optional<Bound> bound = bindCell(cell, facts, problems);
  INFO(renderDiagnostics(problems, {}));
  REQUIRE(bound);
  return *bound;
}

Elements runStep(const Cell &cell, const std::map<std::string, int64_t> &dimensions,
                 const std::map<std::string, Elements> &values) {
  Bound bound = bind(cell, dimensions);
  auto take = [&](const Text &name, const Shape &shape) {
    auto found = values.find(std::string(name.view()));
    return found == values.end() ? Elements(static_cast<size_t>(bound.elements(shape)), 0.0)
                                 : found->second;
  };
  std::vector<Elements> inputs;
  std::vector<Elements> states;
  std::vector<Elements> params;
  for (const Input &input : cell.inputs)
    inputs.push_back(take(input.name, input.shape));
  for (const State &state : cell.states)
    states.push_back(take(state.name, state.shape));
  for (const Param &param : cell.params)
    params.push_back(take(param.name, param.shape));
  return interpretStep(cell, bound, inputs, states, params).output;
}

Elements evaluate(const std::string &expression, const Elements &x, const Elements &y, double s) {
  Checked checked = check("cell a {\n  input x[2], y[2]\n  param s\n  output r = " + expression +
                          " + 0 * x * y * s\n}\n");
  INFO(checked.problems);
  REQUIRE(checked.isGood());
  // Without the term that keeps x, y and s used, for infinities.
  checked = check("cell a {\n  input x[2], y[2]\n  param s\n  output r = " + expression + "\n}\n");
  return runStep(checked.cell(), {}, {{"x", x}, {"y", y}, {"s", {s}}});
}

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.is_open(), path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace cellwright::test
