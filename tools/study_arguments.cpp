// See study_arguments.h.
#include "tools/study_arguments.h"

#include "runtime/files.h"
#include "search/sqlite_store.h"
#include "search/study.h"
#include "tools/cell_arguments.h"
#include "tools/options.h"
#include "training/task.h"

#include <vector>

namespace cellwright {

void StudyArguments::add(CLI::App &app) {
  app.add_option("STUDY", study, "the file of a search, as in s.db; it may be running")->required();
}

CLI::Option *StudyArguments::addOut(CLI::App &app, const std::string &help) {
  return addPath(app, "-o,--out", out, help);
}

/// The file of a task; none of one that only another version knows.
static std::string fileOfTask(const std::string &task) {
  try {
    return task.empty() ? "" : pathOfTask(task);
  } catch (const Error &) {
    return "";
  }
}

/// The files of a study's space and tasks.
static std::vector<std::string> filesOf(const StudyConfig &config) {
  std::vector<std::string> files = {fileOfCell(config.space), fileOfTask(config.task),
                                    fileOfTask(config.gate)};
  for (const std::string &task : config.moreTasks)
    files.push_back(fileOfTask(task));
  return files;
}

std::unique_ptr<Store> StudyArguments::open() const {
  std::unique_ptr<Store> store = openSqliteStoreToRead(study);
  if (out.empty())
    return store;
  CELLWRIGHT_CHECK(!isSameFile(study, out), "--out is the study itself, `{}`; name another file",
                   out);
  checkIsNoInput("--out", out, filesOf(parseStudyConfig(store->study().config)));
  checkCanWrite(out);
  return store;
}

} // namespace cellwright
