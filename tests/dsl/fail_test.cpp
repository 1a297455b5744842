// Every kind of problem has an example in fail/: a file `fail_<id>*.cell` whose last comments say
// exactly what is reported, as `# expected-error@LINE:COLUMN {{message [id]}}`. A file that starts
// with `# bind: --dim H=5 in.x=3` is bound with these numbers, one with `# pad: N` is filled up to
// N bytes.
#include "support.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace cellwright::test {

namespace {

namespace fs = std::filesystem;

std::string placeText(Loc loc, const Sources &sources) {
  if (!loc.isKnown())
    return "";
  LineColumn place = sources.place(loc);
  return "@" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

/// All problems in the form of expectations.
std::vector<std::string> describe(const Diagnostics &diagnostics, const Sources &sources) {
  std::vector<std::string> lines;
  for (const Diagnostic &diagnostic : diagnostics.all()) {
    std::string severity = diagnostic.severity == Severity::Error ? "error" : "warning";
    lines.push_back("# expected-" + severity + placeText(diagnostic.loc, sources) + " {{" +
                    std::string(diagnostic.message.view()) + " [" +
                    std::string(rowOf(diagnostic.id).name) + "]}}");
    for (const Note &note : diagnostic.notes)
      lines.push_back("# expected-note" + placeText(note.loc, sources) + " {{" +
                      std::string(note.message.view()) + "}}");
  }
  return lines;
}

std::vector<std::string> expectationsOf(const std::string &text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("# expected-"))
      lines.push_back(line);
  return lines;
}

/// The rest of the first line if it starts with a directive.
std::string directiveOf(const std::string &text, const std::string &directive) {
  if (!text.starts_with(directive))
    return "";
  return text.substr(directive.size(), text.find('\n') - directive.size());
}

/// Checks the only cell of a file and binds it with the settings of its first line.
void bindAsTold(Frontend &frontend, const std::string &path, const std::string &told,
                Diagnostics &problems) {
  Settings settings;
  std::vector<std::pair<std::string, int64_t>> tensors;
  std::stringstream in(told);
  for (std::string word; in >> word;) {
    std::string flag = word;
    if (word.starts_with("--"))
      in >> word;
    size_t equal = word.find('=');
    std::string name = word.substr(0, equal);
    double number = std::stod(word.substr(equal + 1));
    if (flag == "--set")
      settings.options.push_back({std::string_view(name), number});
    else if (flag == "--dim")
      settings.dimensions.push_back({std::string_view(name), number});
    else
      tensors.push_back({name, static_cast<int64_t>(number)});
  }
  CheckedCell checked = frontend.findCell(path, settings);
  if (!checked.isGood)
    return;
  std::vector<SizeFact> facts;
  for (const Setting &setting : settings.dimensions)
    addDimensionFact(checked.cell, setting.name, static_cast<int64_t>(setting.number), facts);
  for (const auto &[name, number] : tensors) {
    for (const Input &input : checked.cell.inputs)
      if (name == "in." + std::string(input.name.view()))
        addTensorFacts(input.shape, {{number}}, name, facts, problems);
    for (const State &state : checked.cell.states)
      if (name == "state0." + std::string(state.name.view()))
        addTensorFacts(state.shape, {{number}}, name, facts, problems);
  }
  bindCell(checked.cell, facts, problems);
}

std::vector<std::string> findProblems(const std::string &path, const std::string &text) {
  Frontend frontend;
  Diagnostics bindProblems;
  if (std::string told = directiveOf(text, "# bind: "); !told.empty()) {
    bindAsTold(frontend, path, told, bindProblems);
  } else if (std::string size = directiveOf(text, "# pad: "); !size.empty()) {
    frontend.addText(path, text + std::string(std::stoul(size) - text.size(), ' '));
    frontend.checkAll();
  } else {
    frontend.addFile(path);
    frontend.checkAll();
  }
  frontend.renderProblems();
  const Sources &sources = frontend.program().sources;
  std::vector<std::string> lines = describe(frontend.program().diagnostics, sources);
  for (std::string &line : describe(bindProblems, sources))
    lines.push_back(std::move(line));
  return lines;
}

std::vector<fs::path> failFiles() {
  std::vector<fs::path> files;
  for (const fs::directory_entry &entry : fs::directory_iterator("fail"))
    if (entry.path().extension() == ".cell")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

TEST_CASE("every fail file has exactly the problems that it expects") {
  for (const fs::path &file : failFiles()) {
    std::string text = readFile(file.string());
    std::vector<std::string> expected = expectationsOf(text);
    std::vector<std::string> found = findProblems(file.string(), text);
    CAPTURE(file.string());
    CHECK(!expected.empty());
    for (size_t i = 0; i < std::max(expected.size(), found.size()); ++i) {
      std::string expectedLine = i < expected.size() ? expected[i] : "(nothing)";
      std::string foundLine = i < found.size() ? found[i] : "(nothing)";
      CHECK(foundLine == expectedLine);
    }
  }
}

TEST_CASE("every Id has a fail file named after it") {
  std::vector<fs::path> files = failFiles();
  for (const DiagnosticRow &row : kDiagnosticRows) {
    std::string name(row.name);
    std::replace(name.begin(), name.end(), '-', '_');
    CAPTURE(name);
    bool isShown = std::any_of(files.begin(), files.end(), [&](const fs::path &file) {
      if (!file.stem().string().starts_with("fail_" + name))
        return false;
      std::string id = " [" + std::string(row.name) + "]}}";
      for (const std::string &line : expectationsOf(readFile(file.string())))
        if (line.ends_with(id))
          return true;
      return false;
    });
    CHECK(isShown);
  }
}

TEST_CASE("rows of the diagnostic table stand in the order of their Ids and have an explanation") {
  for (size_t i = 0; i < kDiagnosticRows.size(); ++i) {
    CHECK(static_cast<size_t>(kDiagnosticRows[i].id) == i);
    CHECK(!kDiagnosticRows[i].name.empty());
    CHECK(!kDiagnosticRows[i].explanation.empty());
  }
}

} // namespace cellwright::test
