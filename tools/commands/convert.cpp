// `convert`: weights from other frameworks and back. Which there are, and where their gates stand,
// is the tables of training/weight_layouts.cpp.
#include "nlohmann/json.hpp"
#include "runtime/files.h"
#include "tools/options.h"
#include "tools/table.h"
#include "training/convert_weights.h"
#include "training/named_rows.h"
#include "training/tensor_files.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace cellwright {

namespace {

struct ConvertArguments {
  std::string in, out, cell;
  std::string from, to; // frameworks; empty: our own names
  std::string prefix;
  std::optional<int64_t> layer;
  std::string direction;
  bool isList = false, isJson = false;
};

//===-- The tables ----------------------------------------------------------------------------===//

std::string listKeys(const std::vector<TensorForm> &forms) {
  std::vector<std::string> texts;
  for (const TensorForm &form : forms)
    texts.push_back(fmt::format("{} {}", form.key, formatForm(form, {})));
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// A gate's name there and its parameters here: `c: W_g_x W_g_h b_g`.
std::string describeGate(const GateLayout &gate) {
  std::string text =
      fmt::format("{}: {} {} {}", gate.theirs, gate.input, gate.recurrent, gate.bias);
  return gate.recurrentBias.empty() ? text : fmt::format("{} {}", text, gate.recurrentBias);
}

void printTables() {
  Table table({{"framework"}, {"layer"}, {"cell"}, {"gates in order, and our parameters"}});
  for (const WeightLayout &layout : weightLayouts()) {
    std::vector<std::string> gates;
    for (const GateLayout &gate : layout.gates)
      gates.push_back(describeGate(gate));
    table.addRow({std::string(layout.framework), std::string(layout.module),
                  std::string(layout.cell), fmt::format("{}", fmt::join(gates, "; "))});
  }
  Table tensors({{"framework"}, {"cell"}, {"tensors"}});
  for (const WeightLayout &layout : weightLayouts())
    tensors.addRow(
        {std::string(layout.framework), std::string(layout.cell), listKeys(theirForms(layout))});
  Table names({{"framework"}, {"names of two layers in both directions"}});
  for (const FrameworkLayout &framework : frameworkLayouts())
    names.addRow({std::string(framework.name), std::string(framework.naming.example)});
  names.addRow({"(ours)", std::string(ourNaming().example)});
  std::cout << table.text() << "\n"
            << tensors.text() << "\n"
            << names.text()
            << "\nI inputs, H units, P units after the projection. A cell with one bias for two of "
               "theirs has their sum; on the way out the second one is zero.\n";
}

nlohmann::ordered_json formsJson(const std::vector<TensorForm> &forms) {
  auto list = nlohmann::ordered_json::array();
  for (const TensorForm &form : forms)
    list.push_back({{"name", form.key}, {"shape", formatForm(form, {})}});
  return list;
}

void printJson() {
  auto frameworks = nlohmann::ordered_json::array();
  for (const FrameworkLayout &framework : frameworkLayouts())
    frameworks.push_back({{"name", framework.name},
                          {"gates_are_columns", framework.isTransposed},
                          {"names", framework.naming.example}});
  auto layouts = nlohmann::ordered_json::array();
  for (const WeightLayout &layout : weightLayouts()) {
    auto gates = nlohmann::ordered_json::array();
    for (const GateLayout &gate : layout.gates) {
      nlohmann::ordered_json json = {{"name", gate.theirs},
                                     {"input", gate.input},
                                     {"recurrent", gate.recurrent},
                                     {"bias", gate.bias}};
      if (!gate.recurrentBias.empty())
        json["recurrent_bias"] = gate.recurrentBias;
      gates.push_back(json);
    }
    layouts.push_back({{"framework", layout.framework},
                       {"layer", layout.module},
                       {"cell", layout.cell},
                       {"gates", gates},
                       {"tensors", formsJson(theirForms(layout))},
                       {"parameters", formsJson(ourForms(layout))}});
  }
  nlohmann::ordered_json all = {
      {"frameworks", frameworks}, {"layouts", layouts}, {"our_names", ourNaming().example}};
  std::cout << all.dump(2) << "\n";
}

//===-- Converting ----------------------------------------------------------------------------===//

void checkArguments(const ConvertArguments &arguments) {
  auto need = [](const std::string &value, const char *what) {
    if (value.empty())
      throw UsageError(fmt::format("{} is missing", what));
  };
  if (arguments.isJson)
    throw UsageError("--json is for --list");
  need(arguments.in, "FILE");
  need(arguments.out, "--out");
  need(arguments.cell, "--cell");
  if (arguments.from.empty() && arguments.to.empty())
    throw UsageError("one of --from and --to is needed: the framework whose names FILE has, or "
                     "the result shall have");
}

/// The row of a framework; what is not in the tables is wrong whatever the file holds.
const WeightLayout &layoutFor(const std::string &framework, const std::string &cell) {
  try {
    return layoutOf(framework, cell);
  } catch (const Error &error) {
    throw UsageError(fmt::format("--cell: {}", error.what()));
  }
}

/// What was found: a line a cell, with its sizes.
void printSummary(const std::string &cell, const NetworkWeights &weights) {
  size_t directions = weights.shape.isBidirectional ? 2 : 1;
  for (size_t i = 0; i < weights.cells.size(); ++i) {
    std::vector<std::string> sizes;
    for (auto [dimension, size] : weights.cells[i].sizes)
      sizes.push_back(fmt::format("{} = {}", dimension, size));
    std::string place =
        weights.cells.size() == 1
            ? ""
            : fmt::format(" layer {}{}", i / directions, i % directions == 1 ? " reversed" : "");
    std::cout << fmt::format("{}{}: {}\n", cell, place, fmt::join(sizes, ", "));
  }
}

int convert(const ConvertArguments &arguments) {
  checkArguments(arguments);
  bool isFrom = !arguments.from.empty(), isTo = !arguments.to.empty();
  const WeightLayout &source = layoutFor(isFrom ? arguments.from : arguments.to, arguments.cell);
  const WeightLayout &target = layoutFor(isTo ? arguments.to : arguments.from, arguments.cell);
  CELLWRIGHT_CHECK(!isSameFile(arguments.in, arguments.out),
                   "--out: `{}` is the input file, which would be lost; name another",
                   arguments.out);
  checkTensorFileName(arguments.out);
  checkCanWrite(arguments.out);
  WeightSelection selection{isFrom ? arguments.prefix : "", arguments.layer, std::nullopt};
  if (!arguments.direction.empty())
    selection.isReversed = arguments.direction == "reversed";
  TensorFile file = readTensorFile(arguments.in);
  NetworkWeights weights = isFrom ? readTheirWeights(file, arguments.in, source, selection)
                                  : readOurWeights(file, arguments.in, source, selection);
  writeTensorFile(arguments.out,
                  isTo ? formatTheirWeights(weights, target, isFrom ? "" : arguments.prefix)
                       : formatOurWeights(weights, target));
  printSummary(arguments.cell, weights);
  if (!weights.leftOut.empty())
    std::cerr << fmt::format("note: left out, no weights of such a layer: {}\n",
                             listSome(weights.leftOut));
  return kDone;
}

} // namespace

Run addConvert(CLI::App &app) {
  auto arguments = std::make_shared<ConvertArguments>();
  std::vector<std::string> frameworks, cells;
  for (std::string_view name : namesOf(frameworkLayouts()))
    frameworks.emplace_back(name);
  for (const WeightLayout &layout : weightLayouts())
    if (std::find(cells.begin(), cells.end(), layout.cell) == cells.end())
      cells.emplace_back(layout.cell);
  app.add_option("FILE", arguments->in, "weights, as safetensors or npz");
  addChoice(app, "--from", arguments->from, frameworks, "whose names FILE has; absent: ours");
  addChoice(app, "--to", arguments->to, frameworks, "whose names the result has; absent: ours");
  addChoice(app, "--cell", arguments->cell, cells, "our cell of the same equations");
  addPath(app, "-o,--out", arguments->out, "file to write, .safetensors or .npz");
  app.add_option("--prefix", arguments->prefix,
                 "how the framework's names begin: encoder.rnn. (FILE's with --from)")
      ->type_name("TEXT");
  addNumber(app, "--layer", arguments->layer, Range<int64_t>(),
            "only this one of FILE's layers, from 0");
  addChoice(app, "--direction", arguments->direction, {"forward", "reversed"},
            "only the cells of this direction");
  app.add_flag("--list", arguments->isList, "print the tables of layers, names and gates");
  app.add_flag("--json", arguments->isJson, "with --list: as JSON");
  return [arguments] {
    if (!arguments->isList)
      return convert(*arguments);
    if (arguments->isJson)
      printJson();
    else
      printTables();
    return static_cast<int>(kDone);
  };
}

} // namespace cellwright
