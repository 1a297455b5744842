// Reading of files and imports. What one gets wrong: two paths may be the same file, so files are
// known by their canonical path, and by the path as written in messages.
#include "dsl/frontend.h"

#include "dsl/library.h"
#include "dsl/render.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace cellwright {

namespace fs = std::filesystem;

bool isCellPath(std::string_view argument) {
  return argument.find('/') != std::string_view::npos ||
         argument.find(".cell") != std::string_view::npos;
}

//===-- Reading -------------------------------------------------------------------------------===//

namespace {

/// Reads a regular file up to just above the limit; false with the reason.
bool readText(const std::string &path, std::string &text, std::string &reason) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
    reason = error ? error.message() : std::strerror(ENOENT);
    return false;
  }
  if (status.type() != fs::file_type::regular) {
    reason =
        status.type() == fs::file_type::directory ? "it is a folder" : "it is not a regular file";
    return false;
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  char block[1 << 16];
  while (in.is_open() && in && text.size() <= kMaxFileBytes) {
    in.read(block, sizeof block);
    text.append(block, static_cast<size_t>(in.gcount()));
  }
  if (!in.is_open() || in.bad()) {
    reason = errno != 0 ? std::strerror(errno) : "reading failed";
    return false;
  }
  return true;
}

std::string canonicalPath(const std::string &path) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  return error ? path : canonical.string();
}

} // namespace

FileId Frontend::parse(std::string name, std::string identity, std::string text, bool shipped) {
  texts.push_back(std::make_unique<std::string>(std::move(text)));
  identities.push_back(std::move(identity));
  return state->addFile({std::string_view(name), *texts.back(), shipped});
}

FileId Frontend::readFile(const std::string &path, Loc from) {
  std::string text;
  std::string reason;
  if (readText(path, text, reason))
    return parse(path, canonicalPath(path), std::move(text), false);
  state->diagnostics.error(Id::UnreadableFile, from,
                           makeText("cannot read `", path, "`: ", reason));
  return kNoFile;
}

FileId Frontend::addFile(const std::string &path) {
  std::string identity = canonicalPath(path);
  auto known = std::find(identities.begin(), identities.end(), identity);
  if (known != identities.end())
    return static_cast<FileId>(known - identities.begin());
  FileId file = readFile(path, {});
  if (file != kNoFile)
    readImports(file);
  return file;
}

FileId Frontend::addText(std::string name, std::string text) {
  FileId file = parse(std::move(name), "", std::move(text), false);
  readImports(file);
  return file;
}

void Frontend::addLibrary() {
  if (hasLibrary || library == Library::Never)
    return;
  hasLibrary = true;
  for (const LibraryFile &file : libraryFiles())
    parse("cells/" + std::string(file.name), "", std::string(file.text), true);
}

void Frontend::readImports(FileId file) {
  open.push_back(file);
  for (size_t i = 0; i < state->files[file].imports.size(); ++i) {
    ImportSyntax import = state->files[file].imports[i]; // reading moves the syntax
    readImport(file, import);
    state->files[file].imports[i] = import;
  }
  open.pop_back();
}

void Frontend::readImport(FileId file, ImportSyntax &import) {
  Loc loc = {file, import.begin, import.end};
  std::string written(state->sources.text({file, import.begin + 1, import.end - 1}));
  fs::path folder = fs::path(std::string(state->sources.files[file].name.view())).parent_path();
  std::string path = (folder / written).lexically_normal().string();
  std::string identity = canonicalPath(path);
  for (FileId opened : open)
    if (identities[opened] == identity) {
      state->diagnostics.error(Id::ImportCycle, loc,
                               makeText("`", written, "` imports itself, directly or by others"));
      return;
    }
  auto known = std::find(identities.begin(), identities.end(), identity);
  if (known != identities.end()) {
    import.target = static_cast<FileId>(known - identities.begin());
    return;
  }
  if (open.size() >= kMaxNesting) {
    state->diagnostics.error(Id::TooDeep, loc,
                             makeText("imports nest deeper than ", kMaxNesting, " levels"));
    return;
  }
  import.target = readFile(path, loc);
  if (import.target != kNoFile)
    readImports(import.target);
}

//===-- Checking ------------------------------------------------------------------------------===//

/// Fills, for each file, what it imports, directly or by others.
void Frontend::computeReach() {
  auto count = state->files.size();
  state->reach.resize(count);
  // Imports of a file have higher numbers unless they were known before, so a few rounds suffice.
  for (bool isGrowing = true; isGrowing;) {
    isGrowing = false;
    for (size_t file = count; file-- > 0;) {
      std::vector<FileId> &reach = state->reach[file];
      size_t before = reach.size();
      for (const ImportSyntax &import : state->files[file].imports) {
        if (import.target == kNoFile)
          continue;
        reach.push_back(import.target);
        reach.insert(reach.end(), state->reach[import.target].begin(),
                     state->reach[import.target].end());
      }
      std::sort(reach.begin(), reach.end());
      reach.erase(std::unique(reach.begin(), reach.end()), reach.end());
      isGrowing |= reach.size() != before;
    }
  }
}

/// Whether a cell derives from one that neither its file nor what that imports defines.
bool Frontend::needsLibrary() const {
  for (size_t file = 0; file < state->files.size(); ++file) {
    std::vector<NameId> defined;
    auto addCells = [&](size_t of) {
      for (const CellSyntax &cell : state->files[of].cells)
        defined.push_back(cell.name.name);
    };
    addCells(file);
    for (FileId imported : state->reach[file])
      addCells(static_cast<size_t>(imported));
    std::sort(defined.begin(), defined.end());
    for (const CellSyntax &cell : state->files[file].cells) {
      bool isDefined = std::binary_search(defined.begin(), defined.end(), cell.parent.name);
      if (cell.parent.name != kNoName && !isDefined)
        return true;
    }
  }
  return false;
}

void Frontend::startChecking() {
  if (checker)
    return;
  computeReach();
  if (needsLibrary()) {
    addLibrary();
    computeReach();
  }
  checker = std::make_unique<Checker>(*state);
}

void Frontend::checkAll() {
  startChecking();
  for (CellId cell = 0; cell < static_cast<CellId>(state->cells.size()); ++cell)
    if (!state->sources.files[state->cells[cell].file].shipped)
      checker->checkAlternatives(cell);
}

CheckedCell Frontend::check(CellId cell, const Settings &settings) {
  startChecking();
  CheckedCell checked = checker->check(cell, settings);
  if (checked.isGood) {
    // Choices that others leave out may be set: which are there depends on what is chosen.
    std::vector<std::string_view> choices;
    for (const Syntax &syntax : state->parsed)
      for (const ChoiceSyntax &choice : syntax.choices)
        choices.push_back(choice.name);
    checkSettings(checked.cell, settings, state->budget, state->diagnostics, choices);
  }
  checked.isGood = checked.isGood && !hasErrors();
  return checked;
}

void checkSettings(const Cell &cell, const Settings &settings, SuggestionBudget &budget,
                   Diagnostics &problems, const std::vector<std::string_view> &choices) {
  auto checkNames = [&](std::string_view kind, const std::vector<Setting> &given,
                        const std::vector<std::string_view> &has) {
    for (const Setting &setting : given) {
      Suggestion suggestion(setting.name, budget);
      bool isKnown = false;
      for (std::string_view name : has) {
        isKnown |= setting.name == name;
        suggestion.consider(name);
      }
      if (!isKnown)
        problems.error(Id::UnknownSetting, {},
                       makeText("cell `", cell.name, "` has no ", kind, " `", setting.name, "`",
                                suggestion.text()));
    }
  };
  std::vector<std::string_view> options = choices;
  for (const Option &option : cell.options)
    options.push_back(option.name);
  std::vector<std::string_view> dimensions;
  for (const Dimension &dimension : cell.dimensions)
    dimensions.push_back(dimension.name);
  checkNames("option", settings.options, options);
  checkNames("dimension", settings.dimensions, dimensions);
}

CheckedCell Frontend::requireChoices(CheckedCell checked) {
  bool isGood = reportOpenChoices(*state, checked.choices, "make it with `--set ", "=1`");
  checked.isGood = checked.isGood && isGood;
  return checked;
}

//===-- Cells by name -------------------------------------------------------------------------===//

CheckedCell Frontend::findCell(std::string_view argument, const Settings &settings) {
  return requireChoices(findSpace(argument, settings));
}

CheckedCell Frontend::findSpace(std::string_view argument, const Settings &settings) {
  if (!isCellPath(argument)) {
    addLibrary();
    startChecking();
    CellId cell = findNamedCell(kNoFile, argument);
    return cell == kNoCell ? CheckedCell() : check(cell, settings);
  }
  size_t colon = argument.rfind(':');
  size_t slash = argument.rfind('/');
  bool hasName =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  FileId file = addFile(std::string(hasName ? argument.substr(0, colon) : argument));
  if (file == kNoFile)
    return {};
  startChecking();
  CellId cell = hasName ? findNamedCell(file, argument.substr(colon + 1)) : findOnlyCell(file);
  return cell == kNoCell ? CheckedCell() : check(cell, settings);
}

CheckedCell Frontend::findCell(FileId file, std::string_view name, const Settings &settings) {
  startChecking();
  CellId cell = name.empty() ? findOnlyCell(file) : findNamedCell(file, name);
  return cell == kNoCell ? CheckedCell() : requireChoices(check(cell, settings));
}

CheckedCell Frontend::checkFile(FileId file, std::string_view name, const Settings &settings) {
  startChecking();
  CellId chosen = name.empty() ? kNoCell : findNamedCell(file, name);
  for (CellId cell = 0; cell < static_cast<CellId>(state->cells.size()); ++cell)
    if (state->cells[cell].file == file && name.empty())
      chosen = cell;
  for (CellId cell = 0; cell < static_cast<CellId>(state->cells.size()); ++cell)
    if (state->cells[cell].file == file && cell != chosen)
      checker->checkAlternatives(cell);
  if (chosen != kNoCell)
    return requireChoices(check(chosen, settings));
  if (!hasErrors())
    state->diagnostics.error(Id::UnknownCell, {},
                             makeText("`", state->sources.files[file].name, "` defines no cell"));
  return {};
}

CellId Frontend::findOnlyCell(FileId file) {
  std::string_view path = state->sources.files[file].name;
  std::vector<CellId> own;
  for (CellId cell = 0; cell < static_cast<CellId>(state->cells.size()); ++cell)
    if (state->cells[cell].file == file)
      own.push_back(cell);
  if (own.size() == 1)
    return own[0];
  if (own.empty() && hasErrors())
    return kNoCell;
  Text message = makeText("`", path, "` defines no cell");
  if (!own.empty()) {
    message = makeText("`", path, "` defines ", own.size(), " cells, name one of them: ");
    for (size_t i = 0; i < own.size() && i < 20; ++i)
      message += makeText(i == 0 ? "`" : ", `", path, ":", state->nameOf(own[i]), "`");
  }
  state->diagnostics.error(Id::UnknownCell, {}, std::move(message));
  return kNoCell;
}

/// A cell of a file, or of the shipped ones.
CellId Frontend::findNamedCell(FileId file, std::string_view name) {
  Suggestion suggestion(name, state->budget);
  for (CellId cell = 0; cell < static_cast<CellId>(state->cells.size()); ++cell) {
    bool isCandidate = file == kNoFile ? state->sources.files[state->cells[cell].file].shipped
                                       : state->cells[cell].file == file;
    if (!isCandidate)
      continue;
    if (state->nameOf(cell) == name)
      return cell;
    suggestion.consider(state->nameOf(cell));
  }
  Text message = makeText("unknown cell `", name, "`", suggestion.text());
  if (file != kNoFile)
    message = makeText("`", state->sources.files[file].name, "` defines no cell `", name, "`",
                       suggestion.text());
  state->diagnostics.error(Id::UnknownCell, {}, std::move(message));
  return kNoCell;
}

std::string Frontend::renderProblems() {
  state->diagnostics.sort();
  return renderDiagnostics(state->diagnostics, state->sources);
}

} // namespace cellwright
