// See cell_arguments.h.
#include "tools/cell_arguments.h"

#include "dsl/render.h"
#include "fmt/ranges.h"
#include "tools/options.h"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace cellwright {

void CellArguments::add(CLI::App &app) {
  app.add_option("CELL", cell, "lstm (shipped), path/file.cell or path/file.cell:name")->required();
  addSettings(app);
}

std::array<CLI::Option *, 2> CellArguments::addSettings(CLI::App &app) {
  return {
      app.add_option("--dim", dimensions, "size of a dimension: H=16; may be repeated")
          ->type_name("NAME=SIZE")
          ->allow_extra_args(false),
      app.add_option("--set", settings, "value of an option of the cell: k=0.5; may be repeated")
          ->type_name("NAME=NUMBER")
          ->allow_extra_args(false)};
}

static Setting parseSetting(const std::string &text, const char *option) {
  auto [name, number] = parseNamedNumber(option, text);
  Setting setting;
  setting.name = std::string_view(name);
  setting.number = number;
  return setting;
}

/// Throws if a name was given before with another number.
static void addSetting(std::vector<Setting> &settings, Setting setting, const char *option) {
  for (const Setting &before : settings)
    if (before.name == setting.name && before.number != setting.number)
      throw UsageError(fmt::format("{}: `{}` was given twice, as {} and as {}", option,
                                   std::string_view(setting.name), before.number, setting.number));
  settings.push_back(std::move(setting));
}

Settings parseSettings(const CellArguments &arguments) {
  Settings settings;
  for (const std::string &text : arguments.settings)
    addSetting(settings.options, parseSetting(text, "--set"), "--set");
  for (const std::string &text : arguments.dimensions) {
    Setting setting = parseSetting(text, "--dim");
    bool isSize = setting.number == std::floor(setting.number) && setting.number >= 1 &&
                  setting.number <= static_cast<double>(kMaxSize);
    if (!isSize)
      throw UsageError(fmt::format("--dim: expected a size from 1 to {} for `{}`, got {}", kMaxSize,
                                   std::string_view(setting.name), setting.number));
    addSetting(settings.dimensions, std::move(setting), "--dim");
  }
  return settings;
}

std::string fileOfCell(const std::string &argument) {
  if (!isCellPath(argument))
    return "";
  constexpr std::string_view kEnding = ".cell:";
  size_t name = argument.rfind(kEnding);
  return name == std::string::npos ? argument : argument.substr(0, name + kEnding.size() - 1);
}

template <typename Things> static std::string listNames(const Things &things) {
  std::vector<std::string_view> names;
  for (const auto &thing : things)
    names.emplace_back(thing.name);
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

/// If settings are what is wrong with a cell: what it has to set.
static std::string describeSettings(const CellArguments &arguments) {
  if (arguments.dimensions.empty() && arguments.settings.empty())
    return "";
  Frontend frontend;
  CheckedCell checked = frontend.findCell(arguments.cell);
  if (!checked.isGood)
    return "";
  return fmt::format("note: dimensions of `{}`: {}; options: {}\n",
                     std::string_view(checked.cell.name), listNames(checked.cell.dimensions),
                     listNames(checked.cell.options));
}

std::optional<FoundCell> findCell(const CellArguments &arguments) {
  FoundCell found;
  found.settings = parseSettings(arguments);
  found.frontend = std::make_unique<Frontend>();
  found.checked = found.frontend->findCell(arguments.cell, found.settings);
  std::cerr << found.frontend->renderProblems();
  if (!found.checked.isGood) {
    std::cerr << describeSettings(arguments);
    return std::nullopt;
  }
  return found;
}

std::vector<SizeFact> dimensionFacts(const FoundCell &found) {
  std::vector<SizeFact> facts;
  for (const Setting &setting : found.settings.dimensions)
    addDimensionFact(found.cell(), setting.name, static_cast<int64_t>(setting.number), facts);
  return facts;
}

std::optional<Bound> bindOrExplain(const Cell &cell, const Sources &sources,
                                   std::vector<SizeFact> facts, std::optional<int64_t> others) {
  if (others)
    completeFacts(cell, facts, *others);
  Diagnostics problems;
  auto bound = bindCell(cell, facts, problems);
  problems.sort();
  std::cerr << renderFirst(problems, sources);
  return bound;
}

} // namespace cellwright
