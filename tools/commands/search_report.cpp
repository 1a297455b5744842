// `search report`: what a study has found, as a page.
#include "runtime/files.h"
#include "search/report_html.h"
#include "tools/study_arguments.h"

namespace cellwright {

Run addSearchReport(CLI::App &app) {
  auto arguments = std::make_shared<StudyArguments>();
  arguments->add(app);
  arguments->addOut(app, "page to write, as in report.html")->required();
  return [arguments] {
    std::unique_ptr<Store> store = arguments->open();
    writeFile(arguments->out, toHtml(readReport(*store, arguments->study)));
    return kDone;
  };
}

} // namespace cellwright
