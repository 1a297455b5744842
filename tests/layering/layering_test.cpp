// The arrows between folders, which CONTRIBUTING.md draws, kept by the includes and the CMake link
// lists; and that every pass has its tests.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = CELLWRIGHT_SOURCE_DIR;

/// A folder and those that it may include and link, itself apart.
struct Folder {
  std::string name;
  std::set<std::string> below;
};

const std::vector<Folder> kFolders = {
    {"dsl", {}},
    {"runtime", {}},
    {"codegen", {"dsl", "runtime"}},
    {"training", {"runtime"}},
    {"include", {"dsl", "runtime"}},
    {"api", {"dsl", "codegen", "runtime", "training", "include"}},
    {"bench", {"dsl", "codegen", "runtime"}},
    {"search", {"dsl", "codegen", "runtime", "training"}},
    {"tools", {"dsl", "codegen", "runtime", "training", "bench", "search"}},
    {"examples", {"api", "include"}},
};

/// Libraries that are not called like their folders.
const std::map<std::string, std::string> kFolderOfLibrary = {
    {"dsl_headers", "dsl"}, {"cell", "api"}, {"load", "api"}, {"search_run", "search"}};

std::string readText(const fs::path &path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file, path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> filesOf(const fs::path &folder, const std::set<std::string> &extensions) {
  std::vector<fs::path> files;
  if (fs::exists(folder))
    for (const auto &entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && extensions.contains(entry.path().extension()))
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

struct Include {
  std::string path;
  bool isSystem = false; // in angle brackets
};

std::vector<Include> includesOf(const fs::path &file) {
  std::vector<Include> includes;
  std::istringstream text(readText(file));
  for (std::string line; std::getline(text, line);) {
    constexpr std::string_view kDirective = "#include ";
    if (!line.starts_with(kDirective) || line.size() < kDirective.size() + 2)
      continue;
    char open = line[kDirective.size()];
    size_t end = line.find(open == '<' ? '>' : '"', kDirective.size() + 1);
    REQUIRE(end != std::string::npos);
    includes.push_back(
        {line.substr(kDirective.size() + 1, end - kDirective.size() - 1), open == '<'});
  }
  return includes;
}

/// The folder that an include means; public headers are included as users do.
std::string folderOf(const std::string &path) {
  std::string first = path.substr(0, path.find('/'));
  return first == "cellwright" ? "include" : first;
}

const Folder *folderNamed(const std::string &name) {
  for (const Folder &folder : kFolders)
    if (folder.name == name)
      return &folder;
  return nullptr;
}

/// What is wrong with an include of a folder's file; empty if nothing is.
std::string problemWith(const Folder &folder, const Include &include) {
  std::string first = folderOf(include.path);
  // Made from the version of the project; includes nothing.
  bool isVersion = include.path == "cellwright/version.h";
  if (!isVersion && folderNamed(first) && first != folder.name && !folder.below.contains(first))
    return "is above";
  bool isCompiler = first == "mlir" || first == "llvm" || first == "clang" || first == "lld";
  if (isCompiler && folder.name != "codegen")
    return "belongs to code generation";
  // Names of the standard library have neither folder nor extension.
  bool isOfStandard = include.path.find_first_of("/.") == std::string::npos;
  if (folder.name == "dsl" && first != "dsl" && !isOfStandard)
    return "is more than the standard library";
  // Files of the same example, headers that `compile` wrote, and the standard library of C.
  bool isOwn = folder.name == "examples" && include.path.find('/') == std::string::npos;
  bool isForUsers = folder.name == "include" || folder.name == "examples";
  if (isForUsers && !isOfStandard && !isOwn && first != "include" && !folder.below.contains(first))
    return "is more than the library and the standard library";
  if (folder.name == "examples" && !isOfStandard && !isOwn && first != "include")
    return "is not public";
  return "";
}

/// True for `MLIR`, `cellwright::LLVM`, and either in a generator expression,
/// `$<BUILD_INTERFACE:MLIR>`.
bool isOfLlvm(std::string_view word) {
  if (word.ends_with('>'))
    word.remove_suffix(1);
  word.remove_prefix(word.rfind(':') + 1); // which is 0 if there is none
  return word == "MLIR" || word == "LLVM";
}

/// Libraries of ours that a CMakeLists.txt links, by target: cellwright_dsl -> dsl.
std::map<std::string, std::set<std::string>> linksOf(const fs::path &file) {
  std::map<std::string, std::set<std::string>> links;
  std::string text = readText(file);
  constexpr std::string_view kCommand = "target_link_libraries(";
  for (size_t at = text.find(kCommand); at != std::string::npos; at = text.find(kCommand, at + 1)) {
    std::istringstream words(
        text.substr(at + kCommand.size(), text.find(')', at) - at - kCommand.size()));
    std::string target;
    words >> target;
    for (std::string word; words >> word;)
      if (word.starts_with("cellwright_")) {
        std::string library = word.substr(std::string_view("cellwright_").size());
        auto other = kFolderOfLibrary.find(library);
        links[target].insert(other == kFolderOfLibrary.end() ? library : other->second);
      } else if (isOfLlvm(word))
        links[target].insert("codegen");
  }
  return links;
}

/// Libraries that the CMake files of a folder make, without `cellwright_`.
std::set<std::string> librariesOf(const std::vector<fs::path> &files) {
  std::set<std::string> names;
  constexpr std::string_view kCommand = "add_library(cellwright_";
  for (const fs::path &file : files) {
    std::string text = readText(file);
    for (size_t at = text.find(kCommand); at != std::string::npos;
         at = text.find(kCommand, at + 1)) {
      size_t begin = at + kCommand.size();
      names.insert(text.substr(begin, text.find_first_of(" \n", begin) - begin));
    }
  }
  return names;
}

} // namespace

TEST_CASE("includes follow the arrows between folders") {
  size_t count = 0;
  for (const Folder &folder : kFolders)
    for (const fs::path &file : filesOf(kRoot / folder.name, {".h", ".c", ".cpp", ".td"}))
      for (const Include &include : includesOf(file)) {
        std::string problem = problemWith(folder, include);
        CHECK_MESSAGE(problem.empty(), file.string(), ": ", include.path, " ", problem);
        ++count;
      }
  CHECK(count > 500);
}

TEST_CASE("the rules see what they forbid") {
  auto isForbidden = [](const char *folder, const char *path, bool isSystem = false) {
    return !problemWith(*folderNamed(folder), {path, isSystem}).empty();
  };
  CHECK(isForbidden("dsl", "runtime/error.h"));
  CHECK(isForbidden("dsl", "fmt/format.h"));
  CHECK(isForbidden("dsl", "unistd.h", true));
  CHECK(isForbidden("dsl", "sys/stat.h", true));
  CHECK(isForbidden("runtime", "dsl/cell.h"));
  CHECK(isForbidden("runtime", "codegen/compile.h"));
  CHECK(isForbidden("runtime", "mlir/IR/Value.h"));
  CHECK(isForbidden("runtime", "llvm/ADT/ArrayRef.h"));
  CHECK(isForbidden("training", "codegen/compile.h"));
  CHECK(isForbidden("training", "dsl/cell.h"));
  CHECK(isForbidden("tools", "mlir/IR/Value.h"));
  CHECK(isOfLlvm("MLIR"));
  CHECK(isOfLlvm("$<BUILD_INTERFACE:MLIR>"));
  CHECK(isOfLlvm("$<INSTALL_INTERFACE:cellwright::LLVM>"));
  CHECK_FALSE(isOfLlvm("fmt::fmt"));
  CHECK(isForbidden("include", "fmt/format.h"));
  CHECK(isForbidden("include", "codegen/compile.h"));
  CHECK(isForbidden("examples", "dsl/cell.h"));
  CHECK_FALSE(isForbidden("examples", "cellwright/cell.h", true));
  CHECK_FALSE(isForbidden("examples", "amp.h"));
  CHECK_FALSE(isForbidden("include", "dsl/checker.h"));
  CHECK(isForbidden("tools", "cellwright/cell.h", true));
  CHECK_FALSE(isForbidden("tools", "cellwright/version.h", true));
  CHECK(isForbidden("dsl", "cellwright/version.h", true));
  CHECK_FALSE(isForbidden("dsl", "vector", true));
  CHECK_FALSE(isForbidden("codegen", "mlir/IR/Value.h"));
  CHECK_FALSE(isForbidden("tools", "training/trainer.h"));
}

TEST_CASE("link lists follow the arrows between folders") {
  size_t count = 0;
  for (const Folder &folder : kFolders) {
    std::vector<fs::path> files = filesOf(kRoot / folder.name, {".txt"});
    std::set<std::string> own = librariesOf(files);
    for (const fs::path &file : files)
      for (const auto &[target, libraries] : linksOf(file))
        for (const std::string &library : libraries) {
          bool isAllowed =
              own.contains(library) || library == folder.name || folder.below.contains(library);
          CHECK_MESSAGE(isAllowed, file.string(), ": ", target, " links ", library);
          ++count;
        }
  }
  CHECK(count >= 6);
}

TEST_CASE("folders are in an order in which each is above those that it may use") {
  std::set<std::string> seen;
  for (const Folder &folder : kFolders) {
    for (const std::string &below : folder.below)
      CHECK_MESSAGE(seen.contains(below), folder.name, " is before ", below);
    seen.insert(folder.name);
  }
}

TEST_CASE("no header includes itself by a detour") {
  // Depth-first over all headers; `open` is the path from the start.
  std::map<std::string, std::vector<std::string>> graph;
  for (const Folder &folder : kFolders)
    for (const fs::path &file : filesOf(kRoot / folder.name, {".h"}))
      for (const Include &include : includesOf(file))
        if (fs::exists(kRoot / include.path))
          graph[fs::relative(file, kRoot).string()].push_back(include.path);
  std::set<std::string> done;
  std::vector<std::string> open;
  auto visit = [&](auto &&self, const std::string &header) -> void {
    CHECK_MESSAGE(std::find(open.begin(), open.end(), header) == open.end(), "a cycle through ",
                  header);
    if (std::find(open.begin(), open.end(), header) != open.end() || done.contains(header))
      return;
    open.push_back(header);
    for (const std::string &included : graph[header])
      self(self, included);
    open.pop_back();
    done.insert(header);
  };
  for (const Folder &folder : kFolders)
    for (const fs::path &file : filesOf(kRoot / folder.name, {".h"}))
      visit(visit, fs::relative(file, kRoot).string());
  CHECK(done.size() > 100);
}

TEST_CASE("public headers need nothing but the standard library, however they get there") {
  std::vector<fs::path> toVisit = filesOf(kRoot / "include", {".h"});
  std::set<fs::path> seen(toVisit.begin(), toVisit.end());
  CHECK(seen.size() > 5);
  while (!toVisit.empty()) {
    fs::path header = toVisit.back();
    toVisit.pop_back();
    for (const Include &include : includesOf(header)) {
      bool isOfStandard = include.path.find_first_of("/.") == std::string::npos;
      bool isMade = include.path == "dsl/library_files.h"; // by the build
      if (isOfStandard || isMade)
        continue;
      fs::path path = kRoot / include.path;
      if (!fs::exists(path))
        path = kRoot / "include" / include.path;
      CHECK_MESSAGE(fs::exists(path), header.string(), ": ", include.path,
                    " is not of this project");
      if (fs::exists(path) && seen.insert(path).second)
        toVisit.push_back(path);
    }
  }
}

TEST_CASE("every pass has a test of its name, with a case in which nothing changes") {
  size_t count = 0;
  for (const fs::path &file : filesOf(kRoot / "codegen/passes", {".cpp"})) {
    fs::path test = kRoot / "tests/codegen/passes" / (file.stem().string() + ".mlir");
    REQUIRE_MESSAGE(fs::exists(test), test.string());
    CHECK_MESSAGE(readText(test).find("cell.cell @no_") != std::string::npos, test.string());
    ++count;
  }
  CHECK(count >= 6);
}
