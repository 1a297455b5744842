// `search export`: a study in forms that other programs read.
#include "fmt/format.h"
#include "runtime/files.h"
#include "search/export.h"
#include "tools/options.h"
#include "tools/study_arguments.h"
#include "training/named_rows.h"

#include <filesystem>

namespace cellwright {

namespace {

struct ExportArguments {
  StudyArguments study;
  std::string format;
};

int run(const ExportArguments &arguments) {
  std::unique_ptr<Store> store = arguments.study.open();
  std::string name = std::filesystem::path(arguments.study.study).stem().string();
  std::string text;
  findExportFormat(arguments.format).run(*store, name, [&](std::string_view piece) {
    text += piece;
  });
  writeFile(arguments.study.out, text);
  return kDone;
}

} // namespace

Run addSearchExport(CLI::App &app) {
  auto arguments = std::make_shared<ExportArguments>();
  arguments->study.add(app);
  std::vector<std::string> names;
  std::string notes = "Formats:";
  for (const ExportFormat &format : exportFormats()) {
    names.emplace_back(format.name);
    notes += fmt::format("\n  {:<8} {}", format.name, format.help);
  }
  addChoice(app, "--format", arguments->format, names, "what to write")->required();
  arguments->study.addOut(app, "file to write, as in trials.csv")->required();
  app.footer(notes);
  return [arguments] { return run(*arguments); };
}

} // namespace cellwright
