// `list`: the shipped cells.
#include "dsl/analysis.h"
#include "dsl/library.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "tools/cell_arguments.h"
#include "tools/table.h"

#include <iostream>
#include <memory>

namespace cellwright {

namespace {

constexpr int64_t kListedSize = 128; // I = H, at which parameters are counted

std::string str(const Text &text) { return std::string(std::string_view(text)); }

/// What the list says of one cell.
struct ListedCell {
  std::string name, file, source;
  Cell cell;
  Bound bound; // at kListedSize
};

/// The comment lines directly above a place of a file, without their `#`.
std::string commentAbove(std::string_view text, size_t place) {
  std::vector<std::string_view> lines;
  size_t end = text.rfind('\n', place);
  while (end != std::string_view::npos && end > 0) {
    size_t begin = text.rfind('\n', end - 1);
    begin = begin == std::string_view::npos ? 0 : begin + 1;
    std::string_view line = text.substr(begin, end - begin);
    if (line.empty() || line.front() != '#')
      break;
    lines.push_back(line.substr(std::min<size_t>(2, line.size())));
    end = begin == 0 ? std::string_view::npos : begin - 1;
  }
  return fmt::format("{}", fmt::join(lines.rbegin(), lines.rend(), " "));
}

/// Who described the cell where: authors, year and title, which end with the first quotation.
std::string citationOf(const std::string &comment) {
  size_t open = comment.find('"');
  size_t close = open == std::string::npos ? open : comment.find('"', open + 1);
  return close == std::string::npos ? comment.substr(0, comment.find(':'))
                                    : comment.substr(0, close + 1);
}

/// All shipped cells, by file and in the order in which they stand there. One without a comment has
/// its file's first.
std::vector<ListedCell> findShippedCells() {
  Frontend frontend(Frontend::Library::WhenNeeded);
  frontend.addLibrary();
  frontend.checkAll();
  const Program &program = frontend.program();
  std::vector<ListedCell> listed;
  for (CellId id = 0; id < static_cast<CellId>(program.cells.size()); ++id) {
    FileId file = program.cells[id].file;
    const Source &source = program.sources.files[file];
    std::string comment = commentAbove(source.text, program.syntaxOf(id).begin);
    if (comment.empty() && !listed.empty())
      comment = listed.back().source;
    CheckedCell checked = frontend.check(id);
    auto bound = checked.isGood ? bindOrExplain(checked.cell, program.sources, {}, kListedSize)
                                : std::nullopt;
    if (!bound)
      throw Error(fmt::format("the shipped cell `{}` is wrong", program.nameOf(id)));
    listed.push_back({std::string(program.nameOf(id)), str(source.name), citationOf(comment),
                      std::move(checked.cell), std::move(*bound)});
  }
  return listed;
}

std::string join(const std::vector<std::string> &parts) {
  return fmt::format("{}", fmt::join(parts, " "));
}

void printTable(const std::vector<ListedCell> &cells) {
  Table table({{"cell"},
               {"states"},
               {"parameters", Table::Align::Right},
               {"products", Table::Align::Right},
               {"source"}});
  for (const ListedCell &listed : cells) {
    const Cell &cell = listed.cell;
    std::vector<std::string> states;
    for (const State &state : cell.states)
      states.push_back(str(state.name) + str(shapeText(cell, state.shape)));
    table.addRow({listed.name, join(states), fmt::format("{}", countParameters(cell, listed.bound)),
                  fmt::format("{}", countDependentProducts(cell)), listed.source});
  }
  std::cout << table.text()
            << "\nparameters: at I = H = 128, other sizes 128 too; products: matrix products of a "
               "step that wait for each other\n";
}

template <typename List> nlohmann::ordered_json shapesOf(const Cell &cell, const List &list) {
  auto shapes = nlohmann::ordered_json::array();
  for (const auto &entry : list)
    shapes.push_back({{"name", str(entry.name)}, {"shape", str(shapeText(cell, entry.shape))}});
  return shapes;
}

void printJson(const std::vector<ListedCell> &cells) {
  auto list = nlohmann::ordered_json::array();
  for (const ListedCell &listed : cells) {
    const Cell &cell = listed.cell;
    auto inputs = nlohmann::ordered_json::array();
    for (const Input &input : cell.inputs)
      inputs.push_back({{"name", str(input.name)},
                        {"shape", str(shapeText(cell, input.shape))},
                        {"per_sequence", input.perSequence}});
    auto options = nlohmann::ordered_json::array();
    for (const Option &option : cell.options)
      options.push_back(
          {{"name", str(option.name)}, {"value", listed.bound.constants[option.value]}});
    const Shape &output = cell.ops[cell.output].shape;
    list.push_back(
        {{"name", listed.name},
         {"file", listed.file},
         {"source", listed.source},
         {"states", shapesOf(cell, cell.states)},
         {"inputs", inputs},
         {"output", {{"name", str(cell.outputName)}, {"shape", str(shapeText(cell, output))}}},
         {"parameters", shapesOf(cell, cell.params)},
         {"options", options},
         {"parameter_count", countParameters(cell, listed.bound)},
         {"dependent_products", countDependentProducts(cell)}});
  }
  std::cout << list.dump(2) << "\n";
}

} // namespace

Run addList(CLI::App &app) {
  auto isJson = std::make_shared<bool>(false);
  app.add_flag("--json", *isJson, "an array of objects");
  return [isJson] {
    std::vector<ListedCell> cells = findShippedCells();
    if (*isJson)
      printJson(cells);
    else
      printTable(cells);
    return kDone;
  };
}

} // namespace cellwright
