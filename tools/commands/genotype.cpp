// `genotype import` and `genotype export`: published genotypes as cells, and cells as genotypes.
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "runtime/files.h"
#include "search/genotypes.h"
#include "tools/cell_arguments.h"
#include "tools/command.h"
#include "tools/options.h"

#include <iostream>
#include <memory>
#include <sstream>

namespace cellwright {

using nlohmann::json;

namespace {

struct GenotypeArguments {
  std::string file, format, out;
  std::string name = "imported";
  CellArguments cell;
};

void addFormat(CLI::App &app, std::string &format) {
  std::vector<std::string> names;
  std::string notes = "Formats:";
  for (const GenotypeFormat &known : genotypeFormats()) {
    names.push_back(known.name);
    notes += fmt::format("\n  {:<14} {}", known.name, known.help);
  }
  addChoice(app, "--format", format, names, "what the genotypes are written in")->required();
  app.footer(notes);
}

void write(const std::string &text, const std::string &out) {
  if (out.empty())
    std::cout << text;
  else
    writeFile(out, text);
}

/// The genotypes of a file: its one JSON value, or those of its lines. A line of NAS-Bench-NLP's
/// own file has the recipe inside of the run; an object with `about` is a remark.
std::vector<json> readGenotypes(const std::string &path) {
  std::string text = readFile(path);
  std::vector<json> genotypes;
  json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_discarded()) {
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
  std::string text;
  for (size_t i = 0; i < genotypes.size(); ++i) {
    std::string name = arguments.name;
    if (genotypes.size() > 1)
      name += fmt::format("_{}", i + 1);
    try {
      text += (i == 0 ? "" : "\n") + importGenotype(genotypes[i], arguments.format, name);
    } catch (const Error &problem) {
      throw Error(fmt::format("genotype {} of `{}`: {}", i + 1, arguments.file, problem.what()));
    }
  }
  return text;
}

} // namespace

Run addGenotypeImport(CLI::App &app) {
  auto arguments = std::make_shared<GenotypeArguments>();
  app.add_option("FILE", arguments->file, "JSON: one genotype, or one on each line")->required();
  addFormat(app, arguments->format);
  app.add_option("--name", arguments->name, "of the cell, numbered if there are several")
      ->capture_default_str();
  addPath(app, "-o,--out", arguments->out, "file to write; without it, to stdout");
  return [arguments] {
    write(importAll(*arguments), arguments->out);
    return kDone;
  };
}

Run addGenotypeExport(CLI::App &app) {
  auto arguments = std::make_shared<GenotypeArguments>();
  arguments->cell.add(app);
  addFormat(app, arguments->format);
  addPath(app, "-o,--out", arguments->out, "file to write; without it, to stdout");
  return [arguments] {
    auto found = findCell(arguments->cell);
    if (!found)
      return kBadInput;
    write(exportGenotype(found->cell(), arguments->format).dump() + "\n", arguments->out);
    return kDone;
  };
}

} // namespace cellwright
