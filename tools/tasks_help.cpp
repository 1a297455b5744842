// See tasks_help.h.
#include "tools/tasks_help.h"

#include "training/task.h"

#include "fmt/format.h"

namespace cellwright {

std::string describeTasks() {
  std::string help = "task, with options behind a colon, a path last, `adding:steps=200`:";
  for (const TaskRow &row : taskRows()) {
    help += fmt::format("\n{}: {}", row.name, row.help);
    for (const TaskOption &option : row.options)
      help += fmt::format("; {}={}", option.name, option.value);
    if (!row.pathHelp.empty())
      help += fmt::format("; path={}", row.path.empty() ? "FILE" : row.path);
  }
  return help;
}

} // namespace cellwright
