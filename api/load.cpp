// See load.h.
#include "api/cell_parts.h"
#include "cellwright/detail/find_value.h"
#include "dsl/print.h"
#include "dsl/render.h"
#include "runtime/error.h"

#include <functional>

namespace cellwright {

//===-- Problems ------------------------------------------------------------------------------===//

Settings toSettings(const LoadSettings &settings) {
  auto convert = [](const std::vector<NamedNumber> &numbers) {
    std::vector<Setting> converted;
    for (const NamedNumber &number : numbers)
      converted.push_back({std::string_view(number.name), number.number});
    return converted;
  };
  return {convert(settings.options), convert(settings.dimensions)};
}

static Problem toProblem(const Diagnostic &diagnostic, const Sources &sources) {
  Problem problem;
  problem.message = diagnostic.message.view();
  problem.id = rowOf(diagnostic.id).name;
  problem.isWarning = diagnostic.severity == Severity::Warning;
  if (!diagnostic.loc.isKnown())
    return problem;
  LineColumn place = sources.place(diagnostic.loc);
  problem.file = sources.files[diagnostic.loc.file].name.view();
  problem.line = place.line;
  problem.column = place.column;
  return problem;
}

void throwErrors(const Diagnostics &problems, const Sources &sources) {
  if (!problems.hasErrors())
    return;
  Diagnostics sorted = problems;
  sorted.sort();
  std::vector<Problem> list;
  for (const Diagnostic &diagnostic : sorted.all())
    list.push_back(toProblem(diagnostic, sources));
  std::string message = renderDiagnostics(sorted, sources);
  message.pop_back(); // the last line end
  throw Error(message, std::move(list));
}

//===-- Finding -------------------------------------------------------------------------------===//

/// Fills in what `info` views.
static void describe(CellParts &parts) {
  const Program &program = parts.frontend.program();
  for (const Diagnostic &diagnostic : program.diagnostics.all())
    parts.record.addText(parts.record.layout.warnings,
                         renderDiagnostic(diagnostic, program.sources));
  detail::RecordWriter(parts.checked.cell, parts.record).write();
  detail::RecordReader<detail::CellRecord> reader{parts.record};
  parts.texts.resize(parts.record.texts.size());
  parts.steps.resize(parts.record.steps.size());
  parts.values.resize(parts.record.values.size());
  reader.readTexts(parts.texts);
  reader.readSteps(parts.steps);
  reader.readValues(parts.texts, parts.steps, parts.values);
  parts.info = reader.readCell(parts.texts, parts.values);
}

static LoadedCell loadWith(const std::function<CheckedCell(Frontend &, const Settings &)> &find,
                           const LoadSettings &given) {
  auto parts = std::make_shared<CellParts>();
  Settings settings = toSettings(given);
  parts->checked = find(parts->frontend, settings);
  const Program &program = parts->frontend.program();
  throwErrors(program.diagnostics, program.sources);
  parts->dimensions = given.dimensions;
  parts->text = printCell(program, parts->checked, settings);
  describe(*parts);
  return LoadedCell(std::move(parts));
}

LoadedCell load(std::string_view name, const LoadSettings &settings) {
  CELLWRIGHT_CHECK(!isCellPath(name), "`{}` is a path; use loadFile for files", name);
  return loadWith(
      [&](Frontend &frontend, const Settings &numbers) { return frontend.findCell(name, numbers); },
      settings);
}

LoadedCell loadFile(const std::string &path, std::string_view name, const LoadSettings &settings) {
  return loadWith(
      [&](Frontend &frontend, const Settings &numbers) {
        FileId file = frontend.addFile(path);
        return file == kNoFile ? CheckedCell() : frontend.findCell(file, name, numbers);
      },
      settings);
}

LoadedCell parse(std::string_view text, std::string_view name, const LoadSettings &settings,
                 std::string_view fileName) {
  return loadWith(
      [&](Frontend &frontend, const Settings &numbers) {
        FileId file = frontend.addText(std::string(fileName), std::string(text));
        return frontend.checkFile(file, name, numbers);
      },
      settings);
}

//===-- Looking -------------------------------------------------------------------------------===//

const CellInfo &LoadedCell::info() const { return shared->info; }

std::string_view LoadedCell::text() const { return shared->text; }

static const ValueInfo &find(const CellInfo &info, std::string_view kind, std::string_view name,
                             std::span<const ValueInfo> values) {
  size_t at = detail::findValue(values, name);
  if (at == values.size())
    throw Error(std::string(detail::describeUnknown(info, kind, name, values).view()));
  return values[at];
}

const ValueInfo &LoadedCell::input(std::string_view name) const {
  return find(info(), "input", name, inputs());
}
const ValueInfo &LoadedCell::state(std::string_view name) const {
  return find(info(), "state", name, states());
}
const ValueInfo &LoadedCell::param(std::string_view name) const {
  return find(info(), "parameter", name, params());
}

} // namespace cellwright
