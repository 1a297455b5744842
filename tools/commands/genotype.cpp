// `genotype import` and `genotype export`: published genotypes as cells, and cells as genotypes.
#include "dsl/print.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "runtime/files.h"
#include "search/cell_text.h"
#include "search/genotypes.h"
#include "search/space.h"
#include "tools/cell_arguments.h"
#include "tools/command.h"
#include "tools/options.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>

namespace cellwright {

using nlohmann::json;

namespace {

struct GenotypeArguments {
  std::string file, format, space, out;
  std::string name = "imported";
  CellArguments cell;
};

void addForm(CLI::App &app, GenotypeArguments &arguments) {
  std::vector<std::string> names;
  std::string notes = "Formats:";
  for (const GenotypeFormat &known : genotypeFormats()) {
    names.push_back(known.name);
    notes += fmt::format("\n  {:<14} {}", known.name, known.help);
  }
  addChoice(app, "--format", arguments.format, names, "what the genotypes are written in");
  app.add_option("--space", arguments.space,
                 "instead: the space whose own genotypes they are, by name or file")
      ->type_name("SPACE");
  app.footer(notes);
}

/// Throws UsageError unless one of them was given.
void checkForm(const GenotypeArguments &arguments) {
  if (arguments.format.empty() == arguments.space.empty())
    throw UsageError("expected either --format or --space: what the genotypes are written in");
}

/// Throws UsageError unless a cell may have this name.
void checkCellName(const std::string &name) {
  Frontend frontend;
  FileId file = frontend.addText(
      "--name",
      fmt::format("cell {} {{\n  input x[I]\n  state h[H]\n  h' = linear(x, h)\n}}\n", name));
  if (!frontend.findCell(file, name).isGood)
    throw UsageError(fmt::format("--name: expected a name of letters, digits and `_` that is no "
                                 "word of the language, got `{}`",
                                 name));
}

void write(const std::string &text, const std::string &out) {
  if (out.empty())
    std::cout << text;
  else
    writeFile(out, text);
}

/// The genotypes of a file: its one JSON value, those of a list of objects, or those of its lines.
/// A line of NAS-Bench-NLP's own file has the recipe inside of the run; an object with `about` is a
/// remark.
std::vector<json> readGenotypes(const std::string &path) {
  std::string text = readFile(path);
  std::vector<json> genotypes;
  json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  bool isList = whole.is_array() && !whole.empty() &&
                std::all_of(whole.begin(), whole.end(),
                            [](const json &element) { return element.is_object(); });
  if (isList) {
    genotypes.assign(whole.begin(), whole.end());
  } else if (!whole.is_discarded()) {
    genotypes.push_back(std::move(whole));
  } else {
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos)
        continue;
      genotypes.push_back(json::parse(line, nullptr, /*allow_exceptions=*/false));
      CELLWRIGHT_CHECK(!genotypes.back().is_discarded(),
                       "`{}` is neither JSON nor a file with JSON on each line: see line {}", path,
                       number);
    }
  }
  std::erase_if(genotypes, [](const json &genotype) {
    return genotype.is_object() && genotype.contains("about");
  });
  for (json &genotype : genotypes)
    if (genotype.is_object() && genotype.contains("recipe"))
      genotype = json(genotype.at("recipe"));
  CELLWRIGHT_CHECK(!genotypes.empty(), "`{}` holds no genotypes", path);
  return genotypes;
}

/// All genotypes of a file as cells, `name` or `name_1`, `name_2`, ...
std::string importAll(const GenotypeArguments &arguments) {
  std::vector<json> genotypes = readGenotypes(arguments.file);
  auto space = arguments.space.empty() ? nullptr : makeSpace(arguments.space);
  std::string text;
  for (size_t i = 0; i < genotypes.size(); ++i) {
    std::string name = arguments.name;
    if (genotypes.size() > 1)
      name += fmt::format("_{}", i + 1);
    try {
      text += (i == 0 ? "" : "\n") + (space ? renameCell(space->make(genotypes[i].dump()).cell,
                                                         [&](std::string_view) { return name; })
                                            : importGenotype(genotypes[i], arguments.format, name));
    } catch (const Error &problem) {
      throw Error(fmt::format("genotype {} of `{}`: {}", i + 1, arguments.file, problem.what()));
    }
  }
  return text;
}

} // namespace

Run addGenotypeImport(CLI::App &app) {
  auto arguments = std::make_shared<GenotypeArguments>();
  app.add_option("FILE", arguments->file, "JSON: one genotype, a list of them, or one on each line")
      ->required();
  addForm(app, *arguments);
  app.add_option("--name", arguments->name, "of the cell, numbered if there are several")
      ->capture_default_str();
  addPath(app, "-o,--out", arguments->out, "file to write; without it, to stdout");
  return [arguments] {
    checkForm(*arguments);
    checkCellName(arguments->name);
    checkIsNoInput("--out", arguments->out, {arguments->file, fileOfCell(arguments->space)});
    write(importAll(*arguments), arguments->out);
    return kDone;
  };
}

Run addGenotypeExport(CLI::App &app) {
  auto arguments = std::make_shared<GenotypeArguments>();
  arguments->cell.add(app);
  addForm(app, *arguments);
  addPath(app, "-o,--out", arguments->out, "file to write; without it, to stdout");
  return [arguments] {
    checkForm(*arguments);
    checkIsNoInput("--out", arguments->out,
                   {fileOfCell(arguments->cell.cell), fileOfCell(arguments->space)});
    auto found = findCell(arguments->cell);
    if (!found)
      return kBadInput;
    std::string genotype = arguments->space.empty()
                               ? exportGenotype(found->cell(), arguments->format).dump()
                               : makeSpace(arguments->space)
                                     ->genotypeOf(printCell(found->frontend->program(),
                                                            found->checked, found->settings));
    write(genotype + "\n", arguments->out);
    return kDone;
  };
}

} // namespace cellwright
