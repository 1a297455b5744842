// The cache of compiled kernels: what hits, what misses, and that a broken entry is compiled again
// rather than run.
#include "codegen/kernel_cache.h"

#include "support.h"

#include "runtime/files.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace cellwright {

namespace {

CompileOptions optionsFor(const std::string &folder) {
  CompileOptions options;
  options.hasBackward = false;
  options.cacheDirectory = folder;
  return options;
}

TestCell elman() { return cellByName("elman", {{"I", 3}, {"H", 5}}); }

/// What a kernel of `elman` gives for always the same numbers.
Elements run(const CompiledKernel &kernel) {
  TestCell cell = elman();
  SequenceInput input = makeRandomInput(cell.cell(), cell.bound, {}, false);
  return executeCell(kernel, input, nullptr, 1).forward.output;
}

Elements compileAndRun(const CompileOptions &options) {
  TestCell cell = elman();
  return run(compileCell(cell.cell(), cell.bound, options));
}

/// The only file of a folder.
std::string onlyEntry(const TemporaryFolder &folder) {
  REQUIRE(folder.names().size() == 1);
  return folder / folder.names()[0];
}

/// The number of the file itself: an entry that is written again is another file.
ino_t inodeOf(const std::string &path) {
  struct stat status = {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_ino;
}

} // namespace

TEST_CASE("a kernel that was compiled before is loaded, not written again") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  Elements compiled = compileAndRun(options);
  std::string entry = onlyEntry(folder);
  ino_t inode = inodeOf(entry);
  CHECK(compileAndRun(options) == compiled);
  CHECK(inodeOf(onlyEntry(folder)) == inode);
}

TEST_CASE("whatever changes the machine code makes an entry of its own") {
  TemporaryFolder folder;
  TestCell cell = elman();
  size_t entries = 0;
  auto compile = [&](const TestCell &which, const CompileOptions &options, const char *what) {
    compileCell(which.cell(), which.bound, options);
    CHECK_MESSAGE(folder.names().size() == ++entries, what);
  };
  CompileOptions plain = optionsFor(folder / "");
  compile(cell, plain, "the first");
  compile(cellByName("elman", {{"I", 3}, {"H", 6}}), plain, "a size");
  compile(cellByName("mgu", {{"I", 3}, {"H", 5}}), plain, "the cell");
  CompileOptions other = plain;
  other.isDouble = true;
  compile(cell, other, "the type");
  other = plain;
  other.target = "x86-64";
  compile(cell, other, "the target");
  other = plain;
  other.hasBackward = true;
  compile(cell, other, "the backward pass");
  other.stateAdjoints = true;
  compile(cell, other, "adjoints of states");
  other.alteredRule = AlteredRule{"tanh", "dy"};
  compile(cell, other, "a rule");
  other = plain;
  other.indexInputs = {"x"};
  compile(cell, other, "an index");
  TestCell zoneout = cellByName("zoneout_lstm", {{"I", 3}, {"H", 5}});
  compile(zoneout, plain, "a cell that draws");
  other = plain;
  other.isTraining = true;
  compile(zoneout, other, "training");
  // An option changes the numbers of the cell.
  TestCell changed;
  changed.frontend = std::make_unique<Frontend>();
  changed.checked = changed.frontend->findCell("zoneout_lstm", {{{"p_c", 0.25}}, {}});
  REQUIRE(bindTo(changed, {{"I", 3}, {"H", 5}}));
  compile(changed, plain, "an option");
}

TEST_CASE("a cell with another name or other initializers shares the code, not these") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  auto compile = [&](const std::string &name, const std::string &initializer) {
    TestCell cell = cellOfText("cell " + name + " {\n  input x[I]\n  state h[H]\n  h' = tanh(" +
                                   "linear(x, h))\n  init W_h_h ~ " + initializer + "\n}\n",
                               {{"I", 3}, {"H", 5}});
    return compileCell(cell.cell(), cell.bound, options);
  };
  compile("first", "orthogonal");
  CompiledKernel second = compile("second", "glorot");
  CHECK(folder.names().size() == 1);
  CHECK(second.kernel().name == std::string("second"));
  for (int p = 0; p < second.kernel().param_count; ++p)
    if (second.kernel().params[p].name == std::string("W_h_h"))
      CHECK(second.kernel().params[p].initializer == CELLWRIGHT_GLOROT);
}

TEST_CASE("a broken entry is compiled again and replaced") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  Elements compiled = compileAndRun(options);
  std::string entry = onlyEntry(folder);
  const std::string whole = readFile(entry);
  // Bits flipped all over it: name of the format, digest, key, tables, machine code.
  std::vector<std::string> broken = {"",
                                     "cellwright kernel 1\n",
                                     "not a kernel at all",
                                     whole.substr(0, whole.size() - 1),
                                     whole + "x",
                                     whole.substr(0, whole.size() / 2)};
  for (size_t at = 0; at < whole.size(); at += whole.size() / 40) {
    broken.push_back(whole);
    broken.back()[at] = static_cast<char>(broken.back()[at] ^ 0x10);
  }
  for (const std::string &contents : broken) {
    writeFile(entry, contents);
    CHECK(compileAndRun(options) == compiled);
    CHECK(readFile(onlyEntry(folder)) == whole);
  }
}

TEST_CASE("an entry of another key in this one's place is not run") {
  TemporaryFolder folder, other;
  Elements compiled = compileAndRun(optionsFor(folder / ""));
  CompileOptions foreign = optionsFor(other / "");
  foreign.isDouble = true;
  compileAndRun(foreign);
  const std::string whole = readFile(onlyEntry(folder));
  writeFile(onlyEntry(folder), readFile(onlyEntry(other)));
  CHECK(compileAndRun(optionsFor(folder / "")) == compiled);
  CHECK(readFile(onlyEntry(folder)) == whole);
}

TEST_CASE("an entry that others may write is not run") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  compileAndRun(options);
  ino_t inode = inodeOf(onlyEntry(folder));
  REQUIRE(::chmod(onlyEntry(folder).c_str(), 0666) == 0);
  compileAndRun(options);
  CHECK(inodeOf(onlyEntry(folder)) != inode);
}

TEST_CASE("the folder is made for this user alone; one that is there keeps its permissions") {
  TemporaryFolder folder;
  auto modeOf = [](const std::string &path) {
    return std::filesystem::status(path).permissions() & std::filesystem::perms::mask;
  };
  compileAndRun(optionsFor(folder / "made/here"));
  CHECK(modeOf(folder / "made/here") == std::filesystem::perms::owner_all);
  std::filesystem::create_directory(folder / "shared");
  auto before = static_cast<std::filesystem::perms>(0755);
  std::filesystem::permissions(folder / "shared", before);
  compileAndRun(optionsFor(folder / "shared"));
  CHECK(modeOf(folder / "shared") == before);
}

TEST_CASE("without a place for the cache kernels are compiled all the same") {
  TemporaryFolder folder;
  Elements compiled = compileAndRun(optionsFor(""));
  writeFile(folder / "file", "");
  CHECK(compileAndRun(optionsFor(folder / "file")) == compiled);
  CHECK(compileAndRun(optionsFor(folder / "file/inside")) == compiled);
  {
    FileSizeLimit full(1000);
    CHECK(compileAndRun(optionsFor(folder / "full")) == compiled);
  }
  CHECK(std::filesystem::is_empty(folder / "full"));
}

TEST_CASE("a folder that is too large loses what was used longest ago, and only entries") {
  TemporaryFolder folder;
  using Clock = std::filesystem::file_time_type::clock;
  auto write = [&](const std::string &name, int hoursAgo) {
    writeFile(folder / name, std::string(1000, 'x'));
    std::filesystem::last_write_time(folder / name, Clock::now() - std::chrono::hours(hoursAgo));
  };
  auto entry = [](char digit) { return std::string(32, digit) + ".kernel"; };
  write(entry('a'), 5);
  write(entry('b'), 7);
  write(entry('c'), 6);
  write(entry('d'), 1);
  std::vector<std::string> others = {entry('e') + ".bak", "mine.kernel", "notes.txt"};
  for (const std::string &name : others)
    write(name, 9);
  std::filesystem::create_symlink("notes.txt", folder / entry('f'));
  trimCache(folder / "", 4000);
  CHECK(folder.names().size() == 8);
  trimCache(folder / "", 3999);
  std::vector<std::string> left = {entry('a'), entry('d'), others[0],
                                   entry('f'), others[1],  others[2]};
  CHECK(folder.names() == left);
  trimCache(folder / "none", 0);
}

TEST_CASE("what a killed process left half written goes, what is being written stays") {
  TemporaryFolder folder;
  const std::string name = std::string(32, 'a') + ".kernel";
  for (const char *half : {".tmp0", ".tmp1"})
    writeFile(folder / name + half, "half");
  auto before = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  std::filesystem::last_write_time(folder / name + ".tmp0", before);
  trimCache(folder / "", 0);
  CHECK(folder.names() == std::vector<std::string>{name + ".tmp1"});
}

TEST_CASE("a cache that many kernels are stored in keeps its size") {
  TemporaryFolder folder;
  constexpr int64_t kBytes = 30'000;
  CacheEntry entry;
  entry.object.assign(1000, 'x');
  constexpr int kEntries = 2000;
  for (int i = 0; i < kEntries; ++i)
    KernelCache(folder / "", std::to_string(i), kBytes).store(entry);
  // Entries have some 1,500 bytes; one key of 64 trims.
  CHECK(folder.names().size() < 400);
  CHECK(KernelCache(folder / "", std::to_string(kEntries - 1), kBytes).load());
}

TEST_CASE("what is loaded counts as used") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  compileAndRun(options);
  auto before = std::filesystem::file_time_type::clock::now() - std::chrono::hours(5);
  std::filesystem::last_write_time(onlyEntry(folder), before);
  compileAndRun(options);
  CHECK(std::filesystem::last_write_time(onlyEntry(folder)) > before + std::chrono::hours(4));
}

TEST_CASE("processes and threads that compile the same cell at once do not disturb each other") {
  TemporaryFolder folder;
  CompileOptions options = optionsFor(folder / "");
  Elements expected = compileAndRun(optionsFor(""));
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
      ::_exit(compileAndRun(options) == expected ? 0 : 1);
    children.push_back(child);
  }
  Elements found[2];
  std::thread other([&] { found[0] = compileAndRun(options); });
  found[1] = compileAndRun(options);
  other.join();
  CHECK(found[0] == expected);
  CHECK(found[1] == expected);
  for (pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  CHECK(folder.names().size() == 1);
}

} // namespace cellwright
