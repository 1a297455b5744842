// See study_arguments.h.
#include "tools/study_arguments.h"

#include "runtime/files.h"
#include "search/sqlite_store.h"
#include "tools/options.h"

namespace cellwright {

void StudyArguments::add(CLI::App &app) {
  app.add_option("STUDY", study, "the file of a search, as in s.db; it may be running")->required();
}

CLI::Option *StudyArguments::addOut(CLI::App &app, const std::string &help) {
  return addPath(app, "-o,--out", out, help);
}

std::unique_ptr<Store> StudyArguments::open() const {
  std::unique_ptr<Store> store = openSqliteStoreToRead(study);
  CELLWRIGHT_CHECK(out.empty() || !isSameFile(study, out),
                   "--out is the study itself, `{}`; name another file", out);
  if (!out.empty())
    checkCanWrite(out);
  return store;
}

} // namespace cellwright
